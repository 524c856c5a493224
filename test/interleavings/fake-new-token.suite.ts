import { testShard } from "./shard.ts";

testShard(3, "native retries under a new token");
