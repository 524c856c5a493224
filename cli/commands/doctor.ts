import type { Finding } from "../checks/check.ts";
import { CHECKS } from "../checks/index.ts";
import { defineCommand } from "../command.ts";
import { identityLine } from "../deployment.ts";
import { EXIT } from "../exit-status.ts";

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
    for (const check of CHECKS) found.push(...(await check(session, secretId)));
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
    return found.some(({ state }) => state === "blocking") ? EXIT.blocked : EXIT.done;
  },
});
