import { setTimeout as sleep } from "node:timers/promises";
import { describeExecution, type Execution, isRunning, outcomeOf } from "../core/executions.ts";
import { LiveOutput } from "../core/terminal/live-output.ts";
import { StepsView } from "../core/terminal/steps-view.ts";
import type { Deployment } from "./deployment.ts";
import { EXIT, type ExitStatus, exitOf } from "./exit-status.ts";
import { patiently } from "./patience.ts";
import { documentOf, linesOf, type RunDetails } from "./run-view.ts";
import { findRun, readRunOf } from "./runs.ts";
import type { Session } from "./session.ts";

/** Between two looks at what runs, in milliseconds: DescribeExecution and GetExecutionHistory have quotas of the whole account. */
const PAUSE_MS = 1000;
/** After a minute: a rotation may wait for its window for hours. */
const LONG_PAUSE_MS = 5000;
const LONG_AFTER_MS = 60_000;

export interface Watching {
  /** undefined: as long as it takes. */
  readonly timeoutMs?: number | undefined;
  /** Of a run that was made to go on: since when. DescribeExecution may show the past, and the end from before that. */
  readonly goesOnSince?: Date | undefined;
  /** What is done with a run that has ended, except as ndjson. Default: it is shown, as a document or as lines. */
  readonly show?: ((details: RunDetails) => void) | undefined;
}

/**
 * Shows a run while it runs: on a terminal its steps as they change, elsewhere each once it has ended; as ndjson a document for
 * each look that differs. Then shows the whole, and returns the status that says how it ended.
 *
 * Ctrl-C, or the end of the time, ends the watching only, and says how to come back.
 */
export async function watchRun(
  session: Session,
  deployment: Deployment,
  name: string,
  { timeoutMs = Number.POSITIVE_INFINITY, goesOnSince, show }: Watching = {},
): Promise<ExitStatus> {
  const { clients, output, signal, partsWith } = session;
  const live = new LiveOutput(process.stderr);
  const view = new StepsView(live, output.colors);
  const begun = Date.now();
  const endsAt = begun + timeoutMs;
  let last = "";
  partsWith(() => {
    live.show([]);
    return `Detached: the run goes on. To come back: rotor watch ${name}`;
  });
  for (;;) {
    const details = await patiently(session, name, endsAt, look);
    if (details === undefined) return late();
    const { found } = details;
    const document = documentOf(details);
    const isOver = !isRunning(found.execution) && !isPast(found.execution);
    if (output.format === "ndjson") {
      const text = JSON.stringify({ ...document, durationMs: null });
      if (isOver || text !== last) output.result("rotor.run/1", document, () => []);
      last = text;
    } else if (output.format === "table") view.update(details.found.rotation.secretName, details.run);
    if (isOver) {
      live.show([]);
      partsWith(undefined);
      if (show !== undefined && output.format !== "ndjson") show(details);
      else if (output.format !== "ndjson")
        output.result("rotor.run/1", document, () => linesOf(details, output.colors));
      return exitOf(outcomeOf(found.execution));
    }
    if (Date.now() >= endsAt) return late();
    const pauseMs = Date.now() - begun < LONG_AFTER_MS ? PAUSE_MS : LONG_PAUSE_MS;
    await sleep(Math.min(pauseMs, endsAt - Date.now()), undefined, { signal }).catch(() => {});
  }

  function isPast({ redrivenAt }: Execution): boolean {
    if (goesOnSince === undefined) return false;
    // A second of room: both are AWS's, and rounded.
    return redrivenAt === undefined || redrivenAt.getTime() < goesOnSince.getTime() - 1000;
  }

  async function look(): Promise<RunDetails> {
    const found = await findRun(clients, deployment, name);
    return { found, ...(await readRunOf(clients.sfn, found.execution.arn)), stage: deployment.stage };
  }

  function late(): ExitStatus {
    live.show([]);
    output.warn(`The time is over: the run goes on. To come back: rotor watch ${name}`);
    return EXIT.timedOut;
  }
}

/**
 * Waits until an execution exists. Undefined: it did not come in time.
 * @param withinMs how long an event and dispatch may take
 */
export async function awaitRun(
  session: Session,
  { stateMachineArn }: Deployment,
  name: string,
  withinMs: number,
): Promise<string | undefined> {
  const { clients, signal } = session;
  const endsAt = Date.now() + withinMs;
  const look = () => describeExecution(clients.sfn, stateMachineArn, name);
  for (;;) {
    if ((await patiently(session, name, endsAt, look)) !== undefined) return name;
    if (Date.now() >= endsAt) return undefined;
    await sleep(PAUSE_MS, undefined, { signal }).catch(() => {});
  }
}
