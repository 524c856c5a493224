import { outcomeOf } from "../../core/executions.ts";
import { defineCommand } from "../command.ts";
import { exitOf } from "../exit-status.ts";
import { documentOf, linesOf } from "../run-view.ts";
import { findRun, readRunOf } from "../runs.ts";

/** What a run did, step by step, what it means, and what to do next. */
export const show = defineCommand({
  usage: "show <run>",
  summary: "show one run: an execution's name or ARN, or a secret, for its newest",
  examples: ["show orders/db/app", "show rot-0f3b6c1d2e4a5b6c-1f0e... --output json"],
  async run({ clients, output, deployment }, { args: [reference = ""] }) {
    const here = await deployment();
    const found = await findRun(clients, here, reference);
    const details = { found, ...(await readRunOf(clients.sfn, found.execution.arn)), stage: here.stage };
    output.result("rotor.run/1", documentOf(details), () => linesOf(details, output.colors));
    return exitOf(outcomeOf(found.execution));
  },
});
