import { outcomeOf } from "../core/executions.ts";
import type { Run, Step } from "../core/history.ts";
import { buildNotification } from "../core/notifications/build-notification.ts";
import type { OutcomeFacts } from "../core/outcome.ts";
import {
  type Colors,
  renderDependents,
  renderDuration,
  renderLabelTable,
  renderSteps,
} from "../core/terminal/run-text.ts";
import { explainDeath } from "./died.ts";
import { paintOutcome } from "./paint.ts";
import type { FoundRun } from "./runs.ts";
import { when } from "./times.ts";

/** Everything that is known of one execution. */
export interface RunDetails {
  readonly found: FoundRun;
  readonly run: Run;
  readonly facts: OutcomeFacts | undefined;
  readonly stage: string;
}

/** As a document, `rotor.run/1`. Payloads of steps are left out: `told` has what they mean. */
export function documentOf({ found, run, facts, stage }: RunDetails): Readonly<Record<string, unknown>> {
  const { execution, rotation } = found;
  return {
    name: execution.name,
    arn: execution.arn,
    status: run.status,
    outcome: outcomeOf(execution),
    secret: { name: rotation.secretName, arn: rotation.secretArn },
    token: rotation.token,
    mode: rotation.mode,
    startedAt: run.startedAt,
    endedAt: run.endedAt ?? null,
    durationMs: run.durationMs ?? null,
    steps: run.steps.map(stepOf),
    /** What people were told: `rotation.notification/1`. */
    told: facts === undefined ? null : buildNotification(facts, { stage }).json,
  };
}

/** For people: what it means first, then how it went. */
export function linesOf({ found, run, facts, stage }: RunDetails, colors: Colors): readonly string[] {
  const steps = renderSteps(run, colors).flatMap(({ lines }) => lines);
  return [
    headingOf(found, run, colors),
    verdictOf(found, facts, stage),
    "",
    ...steps.map((line) => `  ${line}`),
    ...(facts === undefined ? [] : ["", ...renderLabelTable(facts, colors)]),
    ...(facts === undefined || isWithoutDependents(facts) ? [] : ["", ...renderDependents(facts.dependents, colors)]),
    ...likelyCauses(facts, stage, colors),
    ...nextSteps(facts, stage),
  ];
}

/** One sentence: whether production works, which version is live, what there is to do. */
export function verdictOf({ execution }: FoundRun, facts: OutcomeFacts | undefined, stage: string): string {
  if (facts !== undefined) return buildNotification(facts, { stage }).verdict;
  switch (outcomeOf(execution)) {
    case "RUNNING":
      return "It is running.";
    case "IGNORED":
      return "There was nothing to do: nothing was changed.";
    case "DIED":
      return explainDeath(execution);
    default:
      return "How it ended is not in its history: see the notification.";
  }
}

// --- internal ---

function headingOf({ execution, rotation }: FoundRun, run: Run, colors: Colors): string {
  const outcome = outcomeOf(execution);
  const facts = [rotation.mode, `started ${when(run.startedAt)}`, renderDuration(run.durationMs), execution.name];
  return [colors.bold(rotation.secretName), paintOutcome(outcome, colors), colors.dim(facts.join("  "))].join("  ");
}

function isWithoutDependents({ dependents }: OutcomeFacts): boolean {
  return [dependents.baseline, dependents.after, dependents.restored].every((list) => (list ?? []).length === 0);
}

function likelyCauses(facts: OutcomeFacts | undefined, stage: string, colors: Colors): readonly string[] {
  if (facts === undefined) return [];
  const { failure, rollbackFailure } = buildNotification(facts, { stage }).json;
  const causes = [failure, rollbackFailure].flatMap((each) => each?.likelyCause ?? []);
  return causes.length === 0
    ? []
    : ["", ...[...new Set(causes)].map((cause) => `${colors.bold("Likely why:")} ${cause}`)];
}

function nextSteps(facts: OutcomeFacts | undefined, stage: string): readonly string[] {
  const steps = facts === undefined ? [] : buildNotification(facts, { stage }).json.nextSteps;
  if (steps.length === 0) return [];
  return [
    "",
    "To do:",
    ...steps.flatMap(({ say, command }) => [`  ${say}`, ...(command === null ? [] : [`    ${command}`])]),
  ];
}

function stepOf({ name, type, iteration, status, attempts, entries, startedAt, endedAt, durationMs }: Step) {
  return {
    ...{ name, type, iteration: iteration ?? null, status, entries, startedAt },
    endedAt: endedAt ?? null,
    durationMs: durationMs ?? null,
    attempts: attempts.map((attempt) => ({ endedAt: null, error: null, message: null, ...attempt })),
  };
}
