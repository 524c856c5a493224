import { defineCommand } from "../command.ts";
import { WAIT_OPTIONS } from "../follow.ts";
import { REASON } from "../reason.ts";
import { requestRotation } from "../request-rotation.ts";

/** Asks for a rotation, whoever makes it: the workflow, Secrets Manager through Rotor, or the service that manages the secret. */
export const rotate = defineCommand({
  usage: "rotate <secret>",
  summary: "ask for a rotation of a secret",
  options: [
    ...WAIT_OPTIONS,
    REASON,
    { flags: "--emergency", description: "wait for no window, and skip the soak; safety is not skipped" },
  ],
  examples: ["rotate orders/db/app --wait", 'rotate orders/db/app --emergency --reason "leaked in a log"'],
  async run(session, given) {
    return await requestRotation(session, await session.announce(), given, given.args[0] ?? "");
  },
});
