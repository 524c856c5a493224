import type { LabelTable } from "../../core/outcome.ts";
import { AUTOMATIC_REPAIRS } from "../../core/repair-after.ts";
import {
  AWSCURRENT,
  AWSPENDING,
  AWSPREVIOUS,
  holderOf,
  ROTATION_CANDIDATE,
  ROTATION_FROZEN,
} from "../../core/versions/secret.ts";
import type { Arena } from "./arena.ts";
import type { Dependent } from "./dependents.ts";
import type { Played } from "./played.ts";
import type { Act, Instant, Seen } from "./watch.ts";

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

/** How often RollBack is repeated: more faults than that it need not survive. */
const RETRIES = 5;

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
    REJECTED: () => judgeRejected(one, violate),
    ROLLED_BACK: () => judgeRolledBack(one, played, all, violate),
    NOT_CONVERGED: () => judgeNotConverged(one, played, all, violate),
    ROLLBACK_FAILED: () => judgeRollbackFailed(one, played, violate),
    IGNORED: () => judgeIgnored(one, violate),
    // No outcome, and no end of ours: a person has stopped it.
    ABORTED: () => judgeAborted(one, played, all, violate),
  };
  const judge = judges[one.outcome] ?? (() => violate("is no outcome that was promised"));
  judge();
}

function judgeSucceeded(one: Ended, { watch, dependents, scenario }: Played, violate: Violate): void {
  // What is only observed was promoted and tested by somebody else, before.
  const { ended, token, planned, promoting = planned?.step ?? 0, tested = planned?.step ?? 0 } = one;
  const moved = did(watch.acts, promoting, ended.step, ({ labels }) => labels);
  const changed = did(watch.acts, tested, ended.step, ({ target }) => target);
  if (!moved && holderOf(ended.labels, AWSCURRENT) !== token) violate("AWSCURRENT is not the candidate");
  if (!changed && !moved && !ended.opens.includes(token)) violate("the candidate does not sign in");
  if (moved || changed) return;
  for (const { name, behaviour } of dependents.filter((each) => isRequired(each))) {
    if (ended.authenticated[name] === token) continue;
    // The claim of a liar is compared with sessions begun since the promotion, which repeated tries make uncertain.
    if (behaviour === "lying" && one.finishTries > 1) continue;
    violate(`${name} (${behaviour}) was not seen using the candidate; mode ${scenario.mode}`);
  }
}

function judgeRejected({ history, ended, token }: Ended, violate: Violate): void {
  const touched = history.filter((state) => ["SetSecret", "FinishSecret", "RollBack"].includes(state));
  if (touched.length > 0) violate(`it has been in ${touched.join(", ")}`);
  const held = ended.labels[token] ?? [];
  // A person has made it AWSCURRENT: then no label of it is touched.
  if (held.includes(ROTATION_CANDIDATE) && !held.includes(AWSCURRENT)) violate("ROTATION_CANDIDATE is left");
}

function judgeRolledBack(one: Ended, played: Played, all: readonly Ended[], violate: Violate): void {
  const { watch, dependents, scenario } = played;
  const { ended, token, rollingBack = 0, facts } = one;
  const origin = all.find((each) => each.token === token && !each.isRepair)?.planned;
  if (origin === undefined) {
    violate("it was never planned");
    return;
  }
  // Another rotation that was taken back meanwhile has moved labels and passwords as a person would.
  const others = all.filter((each) => each.token !== token && (each.rollingBack ?? 0) > origin.step);
  const overtaken = others.some((each) => (each.rollingBack ?? 0) <= ended.step);
  const labelled = overtaken || did(watch.acts, origin.step, ended.step, ({ labels }) => labels);
  const changed = did(watch.acts, origin.step, ended.step, ({ target }) => target);
  const late = did(watch.acts, rollingBack, ended.step, ({ labels, target }) => labels || target);
  if (!labelled && scenario.mode === "observed") {
    if (facts["base"] !== holderOf(ended.labels, AWSCURRENT)) violate("AWSCURRENT is not the version before");
  } else if (!labelled) {
    const [before, after] = [ofOthers(origin.labels, token), ofOthers(ended.labels, token)];
    if (before !== after) violate(`labels were ${before} and are ${after}`);
    const own = (ended.labels[token] ?? []).filter((label) => !["ROTATION_ROLLED_BACK", AWSPENDING].includes(label));
    if (own.length > 0) violate(`the candidate still has ${own.join(", ")}`);
  }
  // A target that refused AWSCURRENT before the rotation accepts it afterwards: that is what was rolled back to. With overlap
  // the same is true of AWSPREVIOUS, and what neither of them has cannot be put back.
  const held = scenario.overlap ? [AWSCURRENT, AWSPREVIOUS] : [AWSCURRENT];
  const known = held.map((label) => holderOf(origin.labels, label) ?? "");
  const sound =
    known.every((each) => origin.opens.includes(each)) && origin.opens.every((each) => known.includes(each));
  if (!labelled && !changed && sound && scenario.mode !== "observed" && origin.doors !== ended.doors)
    violate("the target does not accept what it did before");
  const live = holderOf(ended.labels, AWSCURRENT) ?? "";
  if (!late && !ended.opens.includes(live)) violate("AWSCURRENT does not sign in");
  if (labelled || changed) return;
  for (const { name, behaviour } of dependents.filter((each) => isRequired(each))) {
    const wasHealthy =
      behaviour !== "down" &&
      scenario.mode !== "observed" &&
      origin.authenticated[name] === holderOf(origin.labels, AWSCURRENT);
    if (wasHealthy && ended.authenticated[name] !== live) violate(`${name} (${behaviour}) is not on what is live`);
  }
}

function judgeNotConverged(one: Ended, { watch, scenario }: Played, all: readonly Ended[], violate: Violate): void {
  // A repair does not test again what the execution before it has tested.
  const first = all.find((each) => each.token === one.token && !each.isRepair) ?? one;
  const { promoting = one.planned?.step ?? 0, tested = one.planned?.step ?? 0 } = first;
  const { ended, token, facts } = one;
  if (scenario.shape !== "kept" && scenario.mode !== "observed") violate("the policy rolls back");
  // What is observed is planned when its event comes, which may be after somebody has moved on.
  const from = scenario.mode === "observed" ? 0 : promoting;
  const moved = did(watch.acts, from, ended.step, ({ labels }) => labels);
  const changed = did(watch.acts, tested, ended.step, ({ target }) => target);
  if (!moved && holderOf(ended.labels, AWSCURRENT) !== token)
    violate(`AWSCURRENT is not the candidate (${facts["error"]})`);
  // Where somebody else has rotated it may be that which has not converged.
  if (scenario.mode === "observed") return;
  if (!moved && !changed && !ended.opens.includes(token)) violate("the candidate does not sign in");
}

function judgeRollbackFailed(one: Ended, played: Played, violate: Violate): void {
  const { watch, dependents, scenario, told } = played;
  const { ended, token, isRepair, history, rollingBack = 0 } = one;
  if (isRepair && !history.includes("RollBack")) return;
  const excused =
    watch.acts.some(({ labels, target, stopped }) => labels || target || stopped !== undefined) ||
    scenario.faults.some(({ seconds }) => seconds > 0) ||
    scenario.faults.reduce((sum, { times }) => sum + times, 0) > RETRIES ||
    dependents.some(({ behaviour }) => behaviour === "dying");
  if (!excused) violate("nothing has happened that a rollback could not undo");
  const unfrozen = did(watch.acts, rollingBack, ended.step, ({ what }) => what.startsWith("unfreeze"));
  if (!unfrozen && !(ended.labels[token] ?? []).includes(ROTATION_FROZEN)) violate("the candidate is not frozen");
  const table = told.find(({ rotation }) => rotation.executionName === one.name)?.state.truthTable ?? [];
  if (table.length === 0) violate("the message has no truth table");
  if (did(watch.acts, rollingBack, ended.step, ({ labels, target }) => labels || target)) return;
  for (const { id, signIn } of table) {
    const opens = ended.opens.includes(id);
    const agrees = signIn === "unreachable" || (signIn === "accepted") === opens;
    if (!agrees)
      violate(`the truth table says ${signIn} of ${id.slice(0, 8)}, which ${opens ? "signs" : "does not sign"} in`);
  }
}

function judgeIgnored({ history }: Ended, violate: Violate): void {
  const harmless = ["Plan", "Mode", "SettleRepair", "AwaitWindow", "Ignored"];
  if (history.some((state) => !harmless.includes(state))) {
    violate(`it has been in ${history.join(", ")}`);
  }
}

function judgeAborted(one: Ended, { watch }: Played, all: readonly Ended[], violate: Violate): void {
  if (!watch.acts.some(({ stopped }) => stopped === one.name)) violate("nobody has stopped it");
  const next = all.filter(
    ({ token, isRepair, ended }) => isRepair && token === one.token && ended.step > one.ended.step,
  );
  const repairs = all.filter(({ token, isRepair }) => isRepair && token === one.token);
  // Repairs that are stopped again and again are left to people after the third.
  if (next.every(({ outcome }) => outcome === "ABORTED") && repairs.length < AUTOMATIC_REPAIRS) {
    violate("nobody has finished it");
  }
}

// --- small things ---

function did(acts: readonly Act[], after: number, until: number, is: (act: Act) => boolean | undefined): boolean {
  return acts.some((act) => act.step > after && act.step <= until && is(act));
}

function isRequired({ name }: Dependent): boolean {
  return name !== "reports";
}

/** The labels of all versions but one, without AWSPENDING and Rotor's own: a text that can be compared. */
function ofOthers(labels: LabelTable, token: string): string {
  const rows = Object.entries(labels)
    .filter(([versionId]) => versionId !== token)
    .map(([versionId, held]) => {
      const kept = held.filter((label) => label !== AWSPENDING && !label.startsWith("ROTATION_"));
      return [versionId.slice(0, 8), kept.sort()] as const;
    })
    .filter(([, kept]) => kept.length > 0);
  return JSON.stringify(rows.sort(([a], [b]) => a.localeCompare(b)));
}

function readObject(text: string | undefined): Readonly<Record<string, unknown>> {
  try {
    return JSON.parse(text ?? "{}") as Record<string, unknown>;
  } catch {
    return {};
  }
}
