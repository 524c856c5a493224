import { afterAll, beforeAll } from "vitest";
import { postgresAlternatingUsers, postgresSingleUser } from "../../core/strategies/index.ts";
import { administratorCredential } from "../../core/strategies/postgres-credential.ts";
import type { RotationStrategy } from "../../core/strategies/strategy.ts";
import type { Arenas } from "./arena.ts";
import { startPostgresArenas } from "./arena-postgres.ts";
import { testInjection } from "./injection.ts";

let arenas: Arenas;
beforeAll(async () => {
  arenas = await startPostgresArenas();
});
afterAll(() => arenas?.[Symbol.asyncDispose]());

testInjection("PostgreSQL", [
  {
    name: "postgres-single-user",
    arena: () => arenas.of(postgresSingleUser as RotationStrategy, "user"),
    strategy: postgresSingleUser,
    idle: "masterarn",
  },
  {
    name: "postgres-single-user and an administrator",
    arena: () => arenas.of(postgresSingleUser as RotationStrategy, "administrator"),
    strategy: postgresSingleUser,
  },
  {
    name: "postgres-alternating-users",
    arena: () => arenas.of(postgresAlternatingUsers as RotationStrategy, "administrator"),
    strategy: postgresAlternatingUsers,
    administrator: administratorCredential,
  },
]);
