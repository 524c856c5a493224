import { testShard } from "./shard.ts";

testShard(0, "no native retries");
