import { testShard } from "./shard.ts";

testShard("driven", "two rotations at once");
