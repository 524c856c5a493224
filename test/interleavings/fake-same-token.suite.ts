import { testShard } from "./shard.ts";

testShard(2, "native retries of the same token");
