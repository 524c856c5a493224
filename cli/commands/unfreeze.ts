import { moveLabel } from "../../core/versions/move-label.ts";
import {
  AWSCURRENT,
  describeSecret,
  holderOf,
  ROTATION_CANDIDATE,
  ROTATION_FROZEN,
} from "../../core/versions/secret.ts";
import { CliError } from "../cli-error.ts";
import { defineCommand, isSet } from "../command.ts";
import { EXIT } from "../exit-status.ts";
import { WAIT_OPTIONS } from "../follow.ts";
import { REASON } from "../reason.ts";
import { askForRepair } from "../repairing.ts";
import { requireSignIn, UNTESTED } from "../signed-in.ts";
import { measureSecret, truthLines } from "../truth.ts";

/** Lets rotations of a frozen secret go on, once AWSCURRENT signs in; and asks for the repair of what the failed rollback left. */
export const unfreeze = defineCommand({
  usage: "unfreeze <secret>",
  summary: "let rotations of a frozen secret go on; refused unless AWSCURRENT signs in",
  options: [...WAIT_OPTIONS, UNTESTED, REASON],
  examples: ["unfreeze orders/db/app --wait --confirm orders/db/app"],
  async run(session, given) {
    const here = await session.announce();
    const { clients, output } = session;
    const secret = await describeSecret(clients.secretsManager, given.args[0] ?? "");
    const frozen = holderOf(secret.labels, ROTATION_FROZEN);
    if (frozen === undefined)
      throw new CliError(EXIT.nothingChanged, `${secret.name} is not frozen. Nothing was done.`);
    if (holderOf(secret.labels, AWSCURRENT) === undefined)
      throw new CliError(EXIT.blocked, `${secret.name} has no AWSCURRENT: it stays frozen.`, "put a value into it");
    const truth = await measureSecret(session, secret);
    if (truth !== undefined) output.say(...truthLines(truth.truthTable, output.colors));
    if (truth?.current === "rejected") {
      throw new CliError(
        EXIT.blocked,
        `The target refuses AWSCURRENT of ${secret.name}: it stays frozen. Nothing was done.`,
        "make the target accept AWSCURRENT, or move AWSCURRENT to a version that it accepts",
        "RollbackFailed",
      );
    }
    const known = requireSignIn(secret, truth, isSet(given, "untested"));
    await session.confirm(`${known} This lets rotations of ${secret.name} in ${here.stage} go on.`, secret.name);
    const moved = await moveLabel(clients.secretsManager, {
      secretArn: secret.arn,
      label: ROTATION_FROZEN,
      from: frozen,
    });
    if (moved === "refused") {
      throw new CliError(
        EXIT.nothingChanged,
        `ROTATION_FROZEN is not on version ${frozen} of ${secret.name} any more. Nothing was done.`,
      );
    }
    output.say(`ROTATION_FROZEN was taken off version ${frozen}.`);
    const candidate = holderOf(secret.labels, ROTATION_CANDIDATE);
    if (candidate !== undefined && candidate !== holderOf(secret.labels, AWSCURRENT)) {
      return await askForRepair(session, here, given, {
        secretArn: secret.arn,
        secretName: secret.name,
        token: candidate,
      });
    }
    const document = { secret: { name: secret.name, arn: secret.arn }, unfrozen: frozen };
    output.result("rotor.unfreeze/1", document, () => [`${secret.name} is not frozen any more.`]);
    return EXIT.done;
  },
});
