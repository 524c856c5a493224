import { testShard } from "./shard.ts";

testShard("driven", "two faults that pass");
