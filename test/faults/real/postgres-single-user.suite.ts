import { startPostgres } from "../../interleavings/postgres-target.ts";
import { testEveryFault } from "./every-fault.ts";
import { withDoor } from "./real-target.ts";

testEveryFault({
  strategy: "postgres-single-user",
  overlap: false,
  mistake: {
    file: "core/strategies/postgres-single-user.ts",
    from: "setPassword(known, base.password, context)",
    to: "setPassword(known, candidate.password, context)",
    path: "rolled-back",
    shows: /nothing has happened that a rollback could not undo/,
  },
  start: () => withDoor({ gate: "gate", seesSessions: true, isProvedEarly: false }, startPostgres),
});
