import { afterAll, beforeAll, describe } from "vitest";
import { mariadbAlternatingUsers, mariadbDual, mariadbSingleUser } from "../../core/strategies/index.ts";
import { administratorCredential } from "../../core/strategies/mariadb-credential.ts";
import type { RotationStrategy } from "../../core/strategies/strategy.ts";
import { mariadbIsMissing, named } from "../support/mariadb.ts";
import type { Arenas } from "./arena.ts";
import { startMariadbArenas } from "./arena-mariadb.ts";
import { testInjection } from "./injection.ts";

describe.skipIf(mariadbIsMissing)(named("MariaDB"), () => {
  let arenas: Arenas;
  beforeAll(async () => {
    arenas = await startMariadbArenas();
  });
  afterAll(() => arenas?.[Symbol.asyncDispose]());

  testInjection("MariaDB", [
    {
      name: "mariadb-single-user",
      strategy: mariadbSingleUser,
      idle: "masterarn",
      arena: () => arenas.of(mariadbSingleUser as RotationStrategy, "user"),
    },
    {
      name: "mariadb-alternating-users",
      strategy: mariadbAlternatingUsers,
      arena: () => arenas.of(mariadbAlternatingUsers as RotationStrategy, "administrator"),
      administrator: administratorCredential,
    },
    {
      name: "mariadb-dual and an administrator",
      strategy: mariadbDual,
      arena: () => arenas.of(mariadbDual as RotationStrategy, "administrator"),
    },
  ]);
});
