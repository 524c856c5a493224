import { outcomeOf } from "../../core/executions.ts";
import type { Run } from "../../core/history.ts";
import { readRun } from "../../core/history.ts";
import { readHistory } from "../../core/run-facts.ts";
import { redactEvents } from "../../view/redact.ts";
import { CliError } from "../cli-error.ts";
import { defineCommand, isSet, textOption } from "../command.ts";
import { eventLines } from "../events-view.ts";
import { readDefinition } from "../execution-file.ts";
import { EXIT, exitOf } from "../exit-status.ts";
import { documentOf, linesOf } from "../run-view.ts";
import { findRun, readRunOf } from "../runs.ts";
import type { Session } from "../session.ts";
import { stepDocument, stepLines, stepsNamed } from "../step-view.ts";

/** What a run did, step by step, what it means, and what to do next; or one of its steps, or its events, in full. */
export const show = defineCommand({
  usage: "show <run>",
  summary: "show one run: an execution's name or ARN, or a secret, for its newest",
  options: [
    { flags: "--step <name>", description: "one step in full: each try, its retry policy, input, output and log" },
    { flags: "--events", description: "the events of its history" },
    { flags: "--type <text>", description: "with --events: only those whose type has this in it" },
  ],
  examples: ["show orders/db/app", "show orders/db/app --step SetSecret", "show orders/db/app --events --type Failed"],
  async run(session, given) {
    const { clients, output } = session;
    const [step, type] = [textOption(given, "step"), textOption(given, "type")];
    const events = isSet(given, "events");
    if (step !== undefined && events)
      throw new CliError(EXIT.usage, "Either --step or --events can be shown, not both.");
    if (type !== undefined && !events) throw new CliError(EXIT.usage, "--type is of events: give --events with it.");
    const here = await session.deployment();
    const found = await findRun(clients, here, given.args[0] ?? "");
    const { arn } = found.execution;
    if (step !== undefined) await showStep(session, arn, step);
    else if (events) await showEvents(session, arn, type ?? "");
    else {
      const details = { found, ...(await readRunOf(clients.sfn, arn)), stage: here.stage };
      output.result("rotor.run/1", documentOf(details), () => linesOf(details, output.colors));
    }
    return exitOf(outcomeOf(found.execution));
  },
});

// --- internal ---

async function showStep({ clients, output }: Session, executionArn: string, name: string): Promise<void> {
  const run = readRun((await readHistory(clients.sfn, executionArn)) ?? [], new Date());
  const steps = stepsNamed(run, name, await readDefinition(clients.sfn, executionArn));
  if (steps.length === 0) throw unknownStep(run, name);
  output.list("rotor.step/1", "steps", steps.map(stepDocument), () =>
    steps.flatMap((step, index) => [...(index === 0 ? [] : [""]), ...stepLines(step, output.colors)]),
  );
}

function unknownStep(run: Run, name: string): CliError {
  const names = [...new Set(run.steps.map((step) => step.name))];
  const there = names.length === 0 ? "It has not begun any." : `There are: ${names.join(", ")}.`;
  return new CliError(EXIT.environment, `The run has no step ${name} (yet). ${there}`);
}

async function showEvents({ clients, output }: Session, executionArn: string, type: string): Promise<void> {
  const all = redactEvents((await readHistory(clients.sfn, executionArn)) ?? []);
  const wanted = all.filter((event) => event.type.toLowerCase().includes(type.toLowerCase()));
  output.list("rotor.events/1", "events", wanted, () => eventLines(wanted, all, output.colors));
}
