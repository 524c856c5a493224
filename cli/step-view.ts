import type { Attempt, Iteration, Run, Step } from "../core/history.ts";
import { type Colors, renderDuration } from "../core/terminal/run-text.ts";
import { renderTable } from "../core/terminal/table.ts";
import { readDefinition } from "../view/model/definition.ts";
import { type LogLink, logLink } from "../view/model/log-link.ts";
import { type NextTry, nextTry, retriersOf, retryInWords } from "../view/model/retry-policy.ts";
import { redactValue } from "../view/redact.ts";
import { redactText } from "../view/redact-text.ts";
import { when } from "./times.ts";

/** One state of a run in full, redacted. */
export interface StepDetails {
  readonly step: Step;
  readonly attempts: readonly AttemptDetails[];
  /** In words; null: the run's definition could not be read. */
  readonly retry: readonly string[] | null;
  /** undefined: it is not tried again. */
  readonly next: NextTry | undefined;
}

interface AttemptDetails extends Attempt {
  /** From the end of the attempt before; undefined: it is the first, or that had no end. */
  readonly pauseMs: number | undefined;
  readonly log: LogLink | undefined;
}

/** The steps of that name: inside a Map there is one for each iteration. Pure. */
export function stepsNamed(run: Run, name: string, definition: unknown): readonly StepDetails[] {
  const state = readDefinition(definition)?.all.get(name)?.body;
  return run.steps
    .filter((step) => step.name === name)
    .map((step) => ({
      step,
      attempts: step.attempts.map((attempt, index) => {
        const before = step.attempts[index - 1]?.endedAt;
        const pauseMs = before && Math.max(0, attempt.startedAt.getTime() - before.getTime());
        return { ...attempt, pauseMs, log: logLink(redactValue(step.request), attempt) };
      }),
      retry: definition === null ? null : retriersOf(state).map(retryInWords),
      next: step.status === "waiting-to-retry" ? nextTry(state, step.attempts) : undefined,
    }));
}

/** As a document: one of `rotor.step/1`. Pure. */
export function stepDocument({ step, attempts, retry, next }: StepDetails): Readonly<Record<string, unknown>> {
  const { name, type, iteration, status, entries, startedAt, endedAt, durationMs } = step;
  return {
    ...{ name, type, iteration: iteration === undefined ? null : redactIteration(iteration), status, entries },
    ...{ startedAt, endedAt: endedAt ?? null, durationMs: durationMs ?? null },
    attempts: attempts.map((attempt) => ({
      startedAt: attempt.startedAt,
      endedAt: attempt.endedAt ?? null,
      durationMs: tookMs(attempt) ?? null,
      pauseMs: attempt.pauseMs ?? null,
      error: attempt.error === undefined ? null : redactText(attempt.error),
      message: attempt.message === undefined ? null : redactText(attempt.message),
      log: attempt.log ?? null,
    })),
    ...{ retry, nextTry: next ?? null },
    input: step.request === undefined ? null : redactValue(step.request),
    output: step.output === undefined ? null : redactValue(step.output),
    assigned: step.assigned === undefined ? null : redactValue(step.assigned),
  };
}

/** For people. Pure. */
export function stepLines(details: StepDetails, colors: Colors): readonly string[] {
  const { step, attempts, retry, next } = details;
  const { input, output, assigned } = stepDocument(details);
  const log = attempts.at(-1)?.log;
  const where = step.iteration === undefined ? [] : [placeOf(step.iteration)];
  const facts = [step.type, step.status, `begun ${when(step.startedAt)}`, renderDuration(step.durationMs)];
  return [
    [colors.bold([step.name, ...where].join(" of ")), colors.dim(facts.join("  "))].join("  "),
    ...(attempts.length === 0 ? [] : ["", ...tableOf(attempts, colors)]),
    ...section("Tried again:", retry ?? ["not known: the run's definition could not be read"]),
    ...section("Next try:", next === undefined ? [] : [whenNext(next)]),
    ...section("Input:", json(input)),
    ...section("Output:", json(output)),
    ...section("Assigned:", json(assigned)),
    ...section("Log of the last try:", log === undefined ? [] : [log.command, ...(log.console ? [log.console] : [])]),
  ];
}

// --- internal ---

function tableOf(attempts: readonly AttemptDetails[], colors: Colors): readonly string[] {
  const rows = attempts.map((attempt, index) => [
    String(index + 1),
    when(attempt.startedAt),
    attempt.pauseMs === undefined ? "-" : renderDuration(attempt.pauseMs),
    renderDuration(tookMs(attempt)) || "-",
    endOf(attempt, colors),
  ]);
  return renderTable(["TRY", "STARTED", "AFTER A PAUSE OF", "TOOK", "ENDED"], rows, colors);
}

function endOf({ endedAt, error, message }: Attempt, colors: Colors): string {
  if (error === undefined) return endedAt === undefined ? "no end yet" : colors.green("ok");
  const says = message === undefined ? "" : `: ${redactText(message).replace(/\s+/g, " ")}`;
  return `${colors.red(redactText(error))}${says}`;
}

function tookMs({ startedAt, endedAt }: Attempt): number | undefined {
  return endedAt && endedAt.getTime() - startedAt.getTime();
}

function whenNext({ afterMs, atMost }: NextTry): string {
  return `${atMost ? "at most " : ""}${renderDuration(afterMs)} after the last one ended`;
}

function section(title: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : ["", title, ...lines.map((line) => `  ${line}`)];
}

function json(value: unknown): readonly string[] {
  return value === null ? [] : JSON.stringify(value, null, 2).split("\n");
}

function placeOf({ map, index, item }: Iteration): string {
  return `${redactText(item ?? String(index))} (${map})`;
}

function redactIteration(iteration: Iteration): Iteration {
  const { item, outer } = iteration;
  return {
    ...iteration,
    ...(item === undefined ? {} : { item: redactText(item) }),
    ...(outer === undefined ? {} : { outer: redactIteration(outer) }),
  };
}
