import { testShard } from "./shard.ts";

testShard("native", "every fault at every effect");
