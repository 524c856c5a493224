import { AUTOMATIC_REPAIRS } from "../../core/repair-after.ts";
import { AWSCURRENT, AWSPENDING, holderOf, ROTATION_CANDIDATE, ROTATION_FROZEN } from "../../core/versions/secret.ts";
import type { Arena } from "./arena.ts";
import { faultsOf, isCalm, meddles, SURVIVED_FAULTS, wasAskedAgain } from "./excuses.ts";
import { type Ended, hasFinished, judgeOutcome, readEnd, type Violate } from "./outcomes.ts";
import type { Played } from "./played.ts";
import type { Instant } from "./watch.ts";

/** Says everything that was promised and is not so. Returns how each execution ended. */
export function judge(
  arena: Arena,
  played: Played,
): { readonly broken: readonly string[]; readonly outcomes: readonly string[] } {
  const { watch } = played;
  const broken: string[] = [...watch.violations];
  const ended = [...watch.seen.values()].flatMap((seen) => readEnd(arena, seen) ?? []);
  for (const seen of watch.seen.values()) {
    if (!ended.some(({ name }) => name === seen.name)) broken.push(`${seen.name} has not ended.`);
  }
  const blame = (name: string) => (what: string) => void broken.push(`${name}: ${what}`);
  for (const one of ended) {
    const violate = blame(`${one.name.slice(21)} (${one.outcome})`);
    judgeOutcome(one, played, ended, violate);
    judgeTold(one, played, ended, violate);
  }
  judgeRest(arena, played, ended, (what) => void broken.push(what));
  return { broken, outcomes: ended.map(({ outcome }) => outcome) };
}

function judgeTold(one: Ended, { told, incidents, scenario }: Played, all: readonly Ended[], violate: Violate): void {
  const deaths = incidents.filter(
    ({ kind, rotation }) => kind === "execution-died" && rotation.executionName === one.name,
  );
  const times = new Set(deaths.map(({ id }) => id)).size;
  // Where the event was lost and somebody has asked for the repair, the repair's outcome is what is told.
  const known = scenario.events.lose > 0 && all.some(({ token, isRepair }) => isRepair && token === one.token);
  const least = one.outcome === "ABORTED" && !known ? 1 : 0;
  if (times < least || times > (one.outcome === "ABORTED" ? 1 : 0)) violate(`its death was told ${times} times`);
  const ids = new Set(told.filter(({ rotation }) => rotation.executionName === one.name).map(({ id }) => id));
  const wanted = one.outcome === "IGNORED" ? [] : [`${one.name}:${one.outcome}`];
  // Where nothing could be published then, somebody has said so since.
  if (one.facts["told"] === false && ids.size === 0) {
    // docs/notifications.md: a success is not told any more.
    if (one.outcome === "SUCCEEDED") return;
    const later = incidents.filter(
      ({ kind, rotation }) => kind === "outcome-untold" && rotation.executionName === one.name,
    );
    if (new Set(later.map(({ id }) => id)).size !== 1) violate("it could not be told, and nobody has said so since");
    return;
  }
  // One that was stopped may have told its outcome just before.
  if (one.outcome === "ABORTED" ? ids.size <= 1 : [...ids].join() === wanted.join()) return;
  violate(`told were ${[...ids].join(", ") || "nothing"}`);
}

function judgeRest(arena: Arena, played: Played, ended: readonly Ended[], violate: Violate): void {
  const { watch, tokens, rotationEvents } = played;
  const now = watch.now();
  const current = holderOf(now.labels, AWSCURRENT) ?? "";
  judgeDangling(played, now, ended, violate);
  const frozen = holderOf(now.labels, ROTATION_FROZEN) !== undefined;
  const failed = frozen || ended.some((each) => each.outcome === "ROLLBACK_FAILED" && hasFinished(each));
  const meddled = watch.acts.some(meddles);
  if (!now.opens.includes(current) && !failed && !meddled) violate("AWSCURRENT does not sign in at the end");
  // Versions: those that were there, those that people wrote, and one for each token.
  const list = arena.ask("secretsManager", "ListSecretVersionIds", {
    SecretId: played.secretArn,
    IncludeDeprecated: true,
  });
  const written = new Set(watch.acts.flatMap(({ wrote }) => wrote ?? []));
  const asked = new Set([...tokens, ...rotationEvents.map(({ token }) => token)]);
  for (const { VersionId } of list["Versions"] as readonly { VersionId: string }[]) {
    const expected = [played.base, played.older].includes(VersionId) || written.has(VersionId) || asked.has(VersionId);
    if (!expected) violate(`version ${VersionId} was asked for by nobody`);
    const [kept, value] = [watch.credentialOf(VersionId), readValue(arena, played.secretArn, VersionId)];
    if (JSON.stringify(kept) !== JSON.stringify(value)) violate(`the value of version ${VersionId} has changed`);
  }
  for (const { token } of rotationEvents.filter(({ name }) => name === "RotationSucceeded")) {
    const converged = ended.some((each) => each.token === token && each.outcome === "SUCCEEDED");
    if (!converged) violate(`RotationSucceeded of ${token.slice(0, 8)}, and it has not converged`);
  }
  judgePeaceful(played, ended, violate);
}

/** Where nobody and nothing is in the way, or no more than a step survives, the rotation succeeds. */
function judgePeaceful(played: Played, ended: readonly Ended[], violate: Violate): void {
  const { watch, scenario } = played;
  const { times, last } = faultsOf(played);
  const acted = watch.acts.some((act) => meddles(act) || act.cancels || act.stopped || act.what.startsWith("repair"));
  const rotations = new Set(ended.filter(({ outcome }) => outcome !== "IGNORED").map(({ token }) => token));
  if (acted || last || times > SURVIVED_FAULTS || rotations.size > 1 || !played.dependents.every(isCalm)) return;
  // What is only observed needs its event, and somebody who has to follow.
  const mustRun =
    scenario.mode === "native" ||
    (scenario.events.lose === 0 && (scenario.mode === "driven" || scenario.shape !== "alone"));
  const outcomes = ended.map(({ outcome }) => outcome).filter((outcome) => outcome !== "IGNORED");
  if (outcomes.join() !== (mustRun || outcomes.length > 0 ? "SUCCEEDED" : "")) {
    violate(`nothing stood in the way, and it ended ${outcomes.join(", ") || "nowhere"}`);
  }
}

/** Nothing says of a version that it is being rotated in, when nobody is rotating it in. */
function judgeDangling(played: Played, { labels }: Instant, ended: readonly Ended[], violate: Violate): void {
  const { watch } = played;
  const current = holderOf(labels, AWSCURRENT);
  for (const label of [AWSPENDING, ROTATION_CANDIDATE]) {
    const holder = holderOf(labels, label);
    if (holder === undefined || holder === current) continue;
    const own = ended.filter((each) => each.token === holder && each.outcome !== "IGNORED");
    const last = own.at(-1)?.outcome;
    // It was rotated in, and a person has gone back; or it is frozen.
    if (last === "SUCCEEDED" || last === "NOT_CONVERGED" || last === "ROLLBACK_FAILED") continue;
    // Asked for again by its own token, and cancelled before the gate could refuse it: it is left to people, who are told.
    const isTold = played.incidents.some(({ kind }) => kind === "finding");
    if (label === AWSPENDING && last === "REJECTED" && wasAskedAgain(played, holder) && isTold) continue;
    // People have stopped its repairs until none is started by itself.
    const repairs = ended.filter((each) => each.token === holder && each.isRepair);
    if (last === "ABORTED" && repairs.length >= AUTOMATIC_REPAIRS) continue;
    // A person has put it there.
    if (watch.acts.some(({ wrote }) => wrote === holder)) continue;
    violate(`${label} dangles on ${holder.slice(0, 8)}, whose last outcome is ${last ?? "none"}`);
  }
}

function readValue(arena: Arena, SecretId: string, VersionId: string): unknown {
  try {
    return JSON.parse(String(arena.ask("secretsManager", "GetSecretValue", { SecretId, VersionId })["SecretString"]));
  } catch {
    return undefined;
  }
}
