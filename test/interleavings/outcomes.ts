import { AUTOMATIC_REPAIRS } from "../../core/repair-after.ts";
import { AWSCURRENT, AWSPENDING, holderOf, ROTATION_CANDIDATE } from "../../core/versions/secret.ts";
import type { Arena } from "./arena.ts";
import {
  did,
  faultsOf,
  firstOf,
  isCalm,
  isOvertaken,
  mayBePendingAgain,
  meddles,
  ofOthers,
  requiredOf,
} from "./excuses.ts";
import type { Played } from "./played.ts";
import { judgeRollbackFailed, judgeRolledBack } from "./taken-back.ts";
import type { Instant } from "./watch.ts";
import type { Seen } from "./watch-executions.ts";

/** An execution that is over. */
export interface Ended extends Seen {
  readonly outcome: string;
  readonly facts: Readonly<Record<string, unknown>>;
  readonly history: readonly string[];
  readonly ended: Instant;
}

export type Violate = (what: string) => void;

const OUTCOMES: Readonly<Record<string, string>> = {
  RotationRejected: "REJECTED",
  RolledBack: "ROLLED_BACK",
  NotConverged: "NOT_CONVERGED",
  RollbackFailed: "ROLLBACK_FAILED",
};

/** How an execution ended; undefined while it has not. */
export function readEnd(arena: Arena, seen: Seen): Ended | undefined {
  const execution = arena.account.states.executions().find(({ record }) => record.name === seen.name);
  if (execution === undefined || execution.status === "RUNNING" || seen.ended === undefined) return undefined;
  const { status, error = "", output, cause } = execution;
  const facts = readObject(output ?? cause);
  const failed = status === "FAILED" ? (OUTCOMES[error] ?? error) : status;
  const history = execution.events.flatMap((event) => {
    const details = event as unknown as { stateEnteredEventDetails?: { name: string } };
    return details.stateEnteredEventDetails?.name ?? [];
  });
  const outcome = status === "SUCCEEDED" ? String(facts["outcome"]) : failed;
  return { ...seen, ended: seen.ended, outcome, facts, history };
}

/** Judges what an outcome promises, at the instant the execution ended. */
export function judgeOutcome(one: Ended, played: Played, all: readonly Ended[], violate: Violate): void {
  const judges: Readonly<Record<string, () => void>> = {
    SUCCEEDED: () => judgeSucceeded(one, played, violate),
    REJECTED: () => judgeRejected(one, played, all, violate),
    ROLLED_BACK: () => judgeRolledBack(one, played, all, violate),
    NOT_CONVERGED: () => judgeNotConverged(one, played, all, violate),
    ROLLBACK_FAILED: () => judgeRollbackFailed(one, played, all, violate),
    IGNORED: () => judgeIgnored(one, violate),
    // No outcome, and no end of ours: a person has stopped it.
    ABORTED: () => judgeAborted(one, played, all, violate),
  };
  const judge = judges[one.outcome] ?? (() => violate("is no outcome that was promised"));
  judge();
}

/** Whether a repair has seen to what an execution left. One that was refused before it began has not. */
export function hasFinished({ outcome, history }: Ended): boolean {
  return outcome !== "ABORTED" && (outcome !== "ROLLBACK_FAILED" || history.includes("RollBack"));
}

function judgeSucceeded(one: Ended, played: Played, violate: Violate): void {
  const { ended, token, planned, promoting = planned?.step ?? 0 } = one;
  // Whether what is only observed is still live is looked at once, when it is planned.
  const isObserved = played.scenario.mode === "observed";
  const looked = (isObserved ? undefined : one.confirming) ?? planned?.step ?? 0;
  const proved = played.isProvedEarly ? Math.min(promoting, looked) : looked;
  const moved = did(played, looked, ended.step, ({ labels }) => labels);
  if (!moved && holderOf(ended.labels, AWSCURRENT) !== token) violate("AWSCURRENT is not the candidate");
  if (!did(played, proved, ended.step, meddles) && !ended.opens.includes(token))
    violate("the candidate does not sign in");
  if (did(played, Math.min(promoting, looked), ended.step, meddles)) return;
  for (const { name, behaviour } of requiredOf(played)) {
    if (ended.authenticated[name] === token) continue;
    // The claim of a liar is compared with sessions begun since the promotion, which repeated tries make uncertain; and where
    // somebody else has promoted, since the version's creation, an age in virtual time, while a session's is in real time.
    if (behaviour === "lying" && (one.finishTries > 1 || isObserved)) continue;
    violate(`${name} (${behaviour}) was not seen using the candidate; mode ${played.scenario.mode}`);
  }
}

function judgeRejected(one: Ended, played: Played, all: readonly Ended[], violate: Violate): void {
  const { history, ended, token, planned } = one;
  const touched = history.filter((state) => ["SetSecret", "FinishSecret", "RollBack"].includes(state));
  if (touched.length > 0) violate(`it has been in ${touched.join(", ")}`);
  const held = ended.labels[token] ?? [];
  // A person has made it AWSCURRENT: then no label of it is touched.
  if (held.includes(AWSCURRENT)) return;
  // Of a deleted secret none can be.
  if (!did(played, 0, ended.step, ({ deletes }) => deletes)) {
    if (held.includes(ROTATION_CANDIDATE)) violate("ROTATION_CANDIDATE is left");
    const isTheirs = played.watch.acts.some(({ wrote }) => wrote === token);
    if (held.includes(AWSPENDING) && !isTheirs && !mayBePendingAgain(played, token)) violate("AWSPENDING is left");
  }
  if (planned === undefined || isOvertaken(one, all, planned.step)) return;
  const [before, after] = [ofOthers(planned.labels, token), ofOthers(ended.labels, token)];
  if (!did(played, planned.step, ended.step, ({ labels }) => labels) && before !== after) {
    violate(`labels were ${before} and are ${after}`);
  }
  if (!did(played, planned.step, ended.step, ({ target }) => target) && planned.doors !== ended.doors) {
    violate("the target does not accept what it did before");
  }
}

function judgeNotConverged(one: Ended, played: Played, all: readonly Ended[], violate: Violate): void {
  const { scenario } = played;
  const { ended, token, facts, planned } = one;
  // A repair does not test again what the execution before it has tested.
  const { promoting = planned?.step ?? 0, tested = planned?.step ?? 0 } = firstOf(one, all) ?? one;
  const isObserved = scenario.mode === "observed";
  if (scenario.shape !== "kept" && !isObserved) violate("the policy rolls back");
  const from = isObserved ? (planned?.step ?? 0) : promoting;
  const moved = did(played, from, ended.step, ({ labels }) => labels);
  const changed = did(played, Math.min(from, tested), ended.step, ({ target }) => target);
  if (!moved && holderOf(ended.labels, AWSCURRENT) !== token)
    violate(`AWSCURRENT is not the candidate (${facts["error"]})`);
  // What is only observed may never have signed in.
  const opened = !isObserved || planned?.opens.includes(token);
  if (!moved && !changed && opened && !ended.opens.includes(token)) violate("the candidate does not sign in");
  // A repair that finds a promoted version that is to be kept asks nobody.
  const follows = requiredOf(played).every((each) => isCalm(each) && ended.authenticated[each.name] === token);
  const undisturbed = !moved && !changed && faultsOf(played).times === 0 && ended.opens.includes(token);
  if (undisturbed && follows && !one.isRepair) violate("nobody was missing");
}

function judgeIgnored({ history }: Ended, violate: Violate): void {
  const harmless = ["Plan", "Mode", "SettleRepair", "AwaitWindow", "Ignored"];
  if (history.some((state) => !harmless.includes(state))) violate(`it has been in ${history.join(", ")}`);
}

function judgeAborted(one: Ended, { watch }: Played, all: readonly Ended[], violate: Violate): void {
  if (!watch.acts.some(({ stopped }) => stopped === one.name)) violate("nobody has stopped it");
  const repairs = all.filter(({ token, isRepair }) => isRepair && token === one.token);
  const next = repairs.filter(({ ended }) => ended.step > one.ended.step);
  // A frozen secret waits for a person, and so does one whose repairs are stopped again and again.
  const waits = next.at(-1)?.facts["error"] === "SecretFrozen" || repairs.length >= AUTOMATIC_REPAIRS;
  if (!next.some(hasFinished) && !waits) violate("nobody has finished it");
}

function readObject(text: string | undefined): Readonly<Record<string, unknown>> {
  try {
    return JSON.parse(text ?? "{}") as Record<string, unknown>;
  } catch {
    return {};
  }
}
