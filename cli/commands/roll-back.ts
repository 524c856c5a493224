import { defineCommand } from "../command.ts";
import { WAIT_OPTIONS } from "../follow.ts";
import { REASON } from "../reason.ts";
import { refuseRollBack } from "../refuse-roll-back.ts";
import { askForRepair } from "../repairing.ts";
import { findRun } from "../runs.ts";

/** Takes back a rotation that has succeeded, or that stayed without having converged, while its old version is known. */
export const rollBack = defineCommand({
  usage: "roll-back <run>",
  summary: "take back a rotation that has ended, and prove that the old credential works",
  options: [...WAIT_OPTIONS, REASON],
  examples: ["roll-back orders/db/app --wait --confirm orders/db/app"],
  async run(session, given) {
    const here = await session.announce();
    const found = await findRun(session.clients, here, given.args[0] ?? "");
    await refuseRollBack(session, found);
    const { rotation } = found;
    const { secretName, token } = rotation;
    const what = `This takes ${secretName} in ${here.stage} back from version ${token} to the one before it.`;
    await session.confirm(what, secretName);
    return await askForRepair(session, here, given, rotation);
  },
});
