import { testShard } from "./shard.ts";

testShard("driven", "every fault at every effect");
