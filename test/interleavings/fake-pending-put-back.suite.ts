import { testShard } from "./shard.ts";

testShard(1, "native retries that put AWSPENDING back");
