import { type ExecutionListItem, ListExecutionsCommand } from "@aws-sdk/client-sfn";
import { fromAwsError } from "../aws.ts";
import { type Digest, MATTERS, type Matter, MOST_MATTERS, WEEK_MS, weekBefore } from "../digest.ts";
import { describeExecution, type Execution, lastThatCounts, outcomeOf, provesRollback } from "../executions.ts";
import { originalName } from "../identity.ts";
import { secretNameOf } from "../secret-names.ts";
import type { Reconciler } from "./reconcile.ts";
import { type Tally, tallySecrets } from "./tally.ts";

type Executions = Pick<Reconciler, "sfn" | "stateMachineArn" | "remainingMs">;

/** Executions that began so long before the week are not looked for: what waits for its window has it within days. */
const LONGEST_MS = 2 * WEEK_MS;
/** What went wrong first: time may be too short for all. */
const STATUSES = ["FAILED", "TIMED_OUT", "ABORTED", "SUCCEEDED"] as const;
/** Of the invocation's time so much is kept for what follows, in milliseconds. */
const RESERVE_MS = 60_000;

/**
 * What the last whole week was like. The same for the same week, but for secrets that have changed meanwhile. Each execution that ended
 * in it is described, which is paced: those for which there is no time are counted, and nothing is claimed of them.
 *
 * @param nowMs in milliseconds since the epoch: what is told of secrets is what is true then
 * @throws RotationError AccessDenied, Throttled, ServiceUnavailable
 */
export async function compileDigest(reconciler: Reconciler, nowMs: number): Promise<Digest> {
  const [, , , region = "", account = ""] = reconciler.stateMachineArn.split(":");
  const toMs = weekBefore(nowMs);
  const fromMs = toMs - WEEK_MS;
  const tally = await tallySecrets(reconciler, nowMs);
  const { ended, notLookedAt } = await endedIn(reconciler, fromMs, toMs);
  const rotations = lastOfEach(ended);
  const counted = rotations.filter((each) => !provesRollback(each));
  const ends = counted.map(outcomeOf);
  const numberOf = (outcome: keyof Digest["rotations"]) => ends.filter((each) => each === outcome).length;
  const matters = mattersOf(counted, tally);
  return {
    ...{ from: new Date(fromMs).toISOString(), to: new Date(toMs).toISOString(), account, region },
    rotations: {
      SUCCEEDED: numberOf("SUCCEEDED"),
      REJECTED: numberOf("REJECTED"),
      ROLLED_BACK: numberOf("ROLLED_BACK"),
      NOT_CONVERGED: numberOf("NOT_CONVERGED"),
      ROLLBACK_FAILED: numberOf("ROLLBACK_FAILED"),
      DIED: numberOf("DIED"),
    },
    rehearsed: rotations.length - counted.length,
    notLookedAt,
    secrets: {
      ...{ withPolicy: tally.withPolicy, due: tally.due },
      ...{ overdue: tally.overdue.length, frozen: tally.frozen.length, notLookedAt: tally.notLookedAt },
    },
    matters: matters.slice(0, MOST_MATTERS),
    moreMatters: Math.max(0, matters.length - MOST_MATTERS),
  };
}

// --- internal ---

async function endedIn(
  executions: Executions,
  fromMs: number,
  toMs: number,
): Promise<{ readonly ended: readonly Execution[]; readonly notLookedAt: number }> {
  const { sfn, stateMachineArn, remainingMs } = executions;
  const ended: Execution[] = [];
  let notLookedAt = 0;
  for (const status of STATUSES) {
    for await (const { name = "", stopDate } of begunSince(executions, status, fromMs - LONGEST_MS)) {
      const stoppedMs = stopDate?.getTime() ?? 0;
      if (stoppedMs <= fromMs || stoppedMs > toMs) continue;
      const execution = remainingMs() > RESERVE_MS ? await describeExecution(sfn, stateMachineArn, name) : undefined;
      if (execution === undefined) notLookedAt += 1;
      else ended.push(execution);
    }
  }
  return { ended, notLookedAt };
}

/** They are listed by their start, newest first. */
async function* begunSince(
  { sfn, stateMachineArn }: Executions,
  statusFilter: (typeof STATUSES)[number],
  sinceMs: number,
): AsyncGenerator<ExecutionListItem> {
  let nextToken: string | undefined;
  do {
    const request = { stateMachineArn, statusFilter, maxResults: 1000, nextToken };
    const page = await sfn
      .send(new ListExecutionsCommand(request))
      .catch((error: unknown) => Promise.reject(fromAwsError(error, `states:ListExecutions of ${stateMachineArn}`)));
    const all = page.executions ?? [];
    const young = all.filter(({ startDate }) => (startDate?.getTime() ?? 0) >= sinceMs);
    yield* young;
    nextToken = young.length === all.length ? page.nextToken : undefined;
  } while (nextToken !== undefined);
}

/** Each rotation by its last execution that did something. */
function lastOfEach(ended: readonly Execution[]): readonly Execution[] {
  const stopped = ({ stoppedAt }: Execution) => stoppedAt?.getTime() ?? 0;
  const rotations = new Map<string, readonly Execution[]>();
  for (const execution of ended.toSorted((a, b) => stopped(a) - stopped(b))) {
    const name = originalName(execution.name);
    rotations.set(name, [...(rotations.get(name) ?? []), execution]);
  }
  return [...rotations.values()].flatMap((executions) => lastThatCounts(executions) ?? []);
}

function mattersOf(rotations: readonly Execution[], { overdue, frozen }: Tally): readonly Matter[] {
  const ends = rotations.flatMap((execution): readonly Matter[] => {
    const what = MATTERS.find((each) => each === outcomeOf(execution));
    return what === undefined ? [] : [{ secretName: secretOf(execution), what, executionName: execution.name }];
  });
  const states = (names: readonly string[], what: Matter["what"]) =>
    names.map((secretName): Matter => ({ secretName, what, executionName: null }));
  const all = [...ends, ...states(frozen, "SecretFrozen"), ...states(overdue, "Overdue")];
  const rank = ({ what }: Matter) => MATTERS.indexOf(what);
  return all.toSorted((a, b) => rank(a) - rank(b) || (a.secretName < b.secretName ? -1 : 1));
}

function secretOf({ input }: Execution): string {
  const arn = input["secretArn"];
  return typeof arn === "string" ? secretNameOf(arn) : "unknown";
}
