import { mariadbIsMissing, startMariadb } from "../../support/mariadb.ts";
import { testEveryFault } from "./every-fault.ts";
import { startMariadbTarget } from "./mariadb-target.ts";
import { withDoor } from "./real-target.ts";

testEveryFault({
  missing: mariadbIsMissing,
  strategy: "mariadb-dual",
  overlap: true,
  mistake: {
    file: "core/strategies/mariadb-dual.ts",
    from: "others.length > 0 ? [added, kept] : [kept, added]",
    to: "[added]",
    path: "forward",
    shows: /AWSCURRENT does not sign in, though the scheme has overlap/,
  },
  async start() {
    const mariadb = await startMariadb();
    return withDoor({ gate: "gate-mariadb", seesSessions: false, isProvedEarly: true }, (interpose) =>
      startMariadbTarget(mariadb, interpose),
    );
  },
});
