import { defineCommand, textOption } from "../command.ts";
import { readSeconds } from "../given.ts";
import { findRun } from "../runs.ts";
import { watchRun } from "../watching.ts";

/** Follows a run to its end. */
export const watch = defineCommand({
  usage: "watch <run>",
  summary: "follow one run to its end; Ctrl-C lets go of it, and it goes on",
  options: [{ flags: "--timeout <seconds>", description: "how long to wait (status 124 then); default: to the end" }],
  examples: ["watch orders/db/app", "watch orders/db/app --timeout 600 --output ndjson"],
  async run(session, given) {
    const timeoutMs = readSeconds(textOption(given, "timeout"), "--timeout");
    const here = await session.deployment();
    const { execution } = await findRun(session.clients, here, given.args[0] ?? "");
    return await watchRun(session, here, execution.name, { timeoutMs });
  },
});
