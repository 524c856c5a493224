import { startPostgres } from "../../interleavings/postgres-target.ts";
import { testEveryFault } from "./every-fault.ts";
import { withDoor } from "./real-target.ts";

testEveryFault({
  strategy: "postgres-alternating-users",
  overlap: true,
  mistake: {
    file: "core/strategies/postgres-alternating-users.ts",
    from: 'const password = restorable ? quoteLiteral(await scramSha256Verifier(restorable.password)) : "NULL";',
    to: 'const password = "NULL";',
    path: "rolled-back",
    shows: /nothing has happened that a rollback could not undo/,
  },
  start: () => withDoor({ gate: "gate", seesSessions: true, isProvedEarly: false }, startPostgres),
});
