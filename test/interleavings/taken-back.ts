import { AWSCURRENT, AWSPENDING, AWSPREVIOUS, holderOf, ROTATION_FROZEN } from "../../core/versions/secret.ts";
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
  SURVIVED_FAULTS,
} from "./excuses.ts";
import type { Ended, Violate } from "./outcomes.ts";
import type { Played } from "./played.ts";
import type { Instant } from "./watch.ts";

/** Everything is as it was when the rotation was planned, but for what people have done since. */
export function judgeRolledBack(one: Ended, played: Played, all: readonly Ended[], violate: Violate): void {
  const { scenario } = played;
  const { ended, token, rollingBack = 0 } = one;
  const origin = firstOf(one, all)?.planned;
  if (origin === undefined) {
    violate("it was never planned");
    return;
  }
  const isObserved = scenario.mode === "observed";
  // Another rotation at the target meanwhile has moved labels and passwords as a person would.
  const overtaken = isOvertaken(one, all, origin.step);
  const labelled = overtaken || did(played, origin.step, ended.step, ({ labels }) => labels);
  const changed = overtaken || did(played, origin.step, ended.step, ({ target }) => target);
  const base = holderOf(origin.labels, isObserved ? AWSPREVIOUS : AWSCURRENT);
  const live = holderOf(ended.labels, AWSCURRENT) ?? "";
  if (!labelled && live !== base) violate("AWSCURRENT is not the version before");
  if (!labelled && !isObserved) {
    const [before, after] = [ofOthers(origin.labels, token), ofOthers(ended.labels, token)];
    if (before !== after) violate(`labels were ${before} and are ${after}`);
  }
  const theirs = (origin.labels[token] ?? []).filter((label) => !label.startsWith("AWS"));
  const harmless = ["ROTATION_ROLLED_BACK", ...theirs, ...(mayBePendingAgain(played, token) ? [AWSPENDING] : [])];
  const own = (ended.labels[token] ?? []).filter((label) => !harmless.includes(label));
  if (!labelled && own.length > 0) violate(`the candidate still has ${own.join(", ")}`);
  if (!labelled && !changed && isSound(origin, played) && !isObserved && origin.doors !== ended.doors) {
    violate("the target does not accept what it did before");
  }
  if (!did(played, rollingBack, ended.step, meddles) && !ended.opens.includes(live))
    violate("AWSCURRENT does not sign in");
  if (labelled || changed) return;
  for (const { name, behaviour } of requiredOf(played)) {
    // Of what is only observed the state before is not known, and everybody is taken to have been healthy: a liar may never
    // have followed to the version before, either.
    const wasHealthy = isObserved ? behaviour !== "lying" : behaviour !== "down" && origin.authenticated[name] === base;
    if (wasHealthy && ended.authenticated[name] !== live) violate(`${name} (${behaviour}) is not on what is live`);
  }
}

/** There was a reason, the secret is frozen, and people are told what the target accepts. */
export function judgeRollbackFailed(one: Ended, played: Played, all: readonly Ended[], violate: Violate): void {
  const { ended, token, isRepair, history, facts, rollingBack = 0 } = one;
  if (isRepair && !history.includes("RollBack")) {
    const error = String(facts["error"]);
    if (!["RotationInProgress", "SecretFrozen"].includes(error)) violate(`the repair was refused with ${error}`);
    return;
  }
  const origin = firstOf(one, all)?.planned;
  const { times, last } = faultsOf(played);
  const unhealthy = played.scenario.mode === "observed" && !requiredOf(played).every(isCalm);
  const dying = played.dependents.some(({ behaviour }) => behaviour === "dying");
  const meddled =
    origin === undefined ||
    !isSound(origin, played) ||
    did(played, origin.step, ended.step, meddles) ||
    isOvertaken(one, all, origin.step);
  const gone = did(played, origin?.step ?? 0, ended.step, ({ deletes }) => deletes);
  if (!meddled && !last && !gone && times <= SURVIVED_FAULTS && !unhealthy && !dying) {
    violate("nothing has happened that a rollback could not undo");
  }
  const unfrozen = did(played, rollingBack, ended.step, ({ what }) => what.startsWith("unfreeze"));
  // Where nothing can be written, the message says that the label is missing.
  const said = played.told.find(({ rotation }) => rotation.executionName === one.name)?.state;
  const isFrozen = (ended.labels[token] ?? []).includes(ROTATION_FROZEN);
  if (!unfrozen && !isFrozen && !((last || gone) && said?.frozen === false)) violate("the candidate is not frozen");
  // Where Freeze has not answered, or no label could be read, there is none.
  const isUnmeasured =
    said !== undefined && (said.truthTable === null || (said.truthTable.length === 0 && said.liveVersionId === null));
  if (!(isUnmeasured && (gone || last))) judgeTruthTable(one, played, violate);
}

function judgeTruthTable({ name, ended, rollingBack = 0 }: Ended, played: Played, violate: Violate): void {
  const table = played.told.find(({ rotation }) => rotation.executionName === name)?.state.truthTable ?? [];
  if (table.length === 0) violate("the message has no truth table");
  if (did(played, rollingBack, ended.step, (act) => meddles(act) || act.wrote)) return;
  for (const [id, held] of Object.entries(ended.labels)) {
    // A placeholder may have come since it was measured.
    if (held.join() !== AWSPENDING && !table.some((row) => row.id === id))
      violate(`the truth table does not have ${id.slice(0, 8)}`);
  }
  const isUnread = faultsOf(played).times > 0 || did(played, 0, ended.step, ({ deletes }) => deletes);
  for (const { id, signIn } of table) {
    const opens = ended.opens.includes(id);
    const isUnknown = signIn === "unreachable" || signIn === "unreadable";
    const agrees = isUnknown ? isUnread : (signIn === "accepted") === opens;
    if (!agrees)
      violate(`the truth table says ${signIn} of ${id.slice(0, 8)}, which ${opens ? "signs" : "does not sign"} in`);
  }
}

/**
 * Whether the target accepted what it should. One that refused AWSCURRENT before the rotation accepts it afterwards: that is
 * what is rolled back to. With overlap the same is true of AWSPREVIOUS, and what neither of them has cannot be put back.
 */
function isSound({ labels, opens }: Instant, { scenario, watch }: Played): boolean {
  const held = scenario.overlap ? [AWSCURRENT, AWSPREVIOUS] : [AWSCURRENT];
  const known = held.map((label) => holderOf(labels, label) ?? "");
  const users = new Set(known.map((each) => watch.credentialOf(each)?.username ?? each));
  const isWhole = users.size === held.length;
  return isWhole && known.every((each) => opens.includes(each)) && opens.every((each) => known.includes(each));
}
