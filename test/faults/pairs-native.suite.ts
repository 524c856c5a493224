import { testShard } from "./shard.ts";

testShard("native", "two faults that pass");
