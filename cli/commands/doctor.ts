import { type Finding, isDenied, unseen } from "../checks/check.ts";
import { CHECKS } from "../checks/index.ts";
import { explain } from "../cli-error.ts";
import { defineCommand } from "../command.ts";
import { identityLine } from "../deployment.ts";
import { EXIT, type ExitStatus } from "../exit-status.ts";

const MARKS = { ok: "✓", warning: "!", blocking: "✗" } as const;

/** Looks at everything that rotations depend on, and says of what is wrong how to put it right. Changes nothing. */
export const doctor = defineCommand({
  usage: "doctor [secret]",
  summary: "look at the deployment, and at one secret: what keeps rotations from working",
  examples: ["doctor", "doctor orders/db/app --output json"],
  async run(session, { args: [secretId] }) {
    const { output } = session;
    output.say(identityLine(await session.deployment()));
    const found: Finding[] = [];
    let failed: ExitStatus | undefined;
    for (const { name, what, look } of CHECKS) {
      try {
        found.push(...(await look(session, secretId)));
      } catch (error) {
        if (session.signal.aborted) throw error;
        found.push(unseen(name, what, error));
        if (!isDenied(error)) failed ??= explain(error).exit;
      }
    }
    output.list(
      "rotor.doctor/1",
      "findings",
      found.map((each) => ({ todo: null, ...each })),
      () => {
        const { green, yellow, red, dim } = output.colors;
        const paint = { ok: green, warning: yellow, blocking: red };
        return found.flatMap(({ state, check, says, todo }) => [
          `${paint[state](MARKS[state])} ${check.padEnd(14)}${says}`,
          ...(todo === undefined ? [] : [`${" ".repeat(16)}${dim("to do:")} ${todo}`]),
        ]);
      },
    );
    if (found.some(({ state }) => state === "blocking")) return EXIT.blocked;
    return failed ?? EXIT.done;
  },
});
