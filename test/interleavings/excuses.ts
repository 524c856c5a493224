import type { LabelTable } from "../../core/outcome.ts";
import { AWSPENDING } from "../../core/versions/secret.ts";
import type { Dependent } from "./dependents.ts";
import type { Ended } from "./outcomes.ts";
import type { Played } from "./played.ts";
import type { Behaviour } from "./scenario.ts";
import type { Act } from "./watch.ts";

/** Of the faults of a target a step survives so many. */
export const SURVIVED_FAULTS = 4;

const CALM: readonly Behaviour[] = ["reloading", "caching", "silent"];
const TOUCHING = ["SetSecret", "FinishSecret", "RollBack"];

/** Whether a person did such a thing after one step and until another. */
export function did(
  { watch }: Played,
  after: number,
  until: number,
  is: (act: Act) => boolean | string | undefined,
): boolean {
  return watch.acts.some((act) => act.step > after && act.step <= until && is(act));
}

/** A person has changed what a rotation rests on: which versions are live, or what the target accepts. */
export function meddles({ labels, target }: Act): boolean {
  return labels || target === true;
}

/** The rotation itself: the first execution of the version that one, perhaps a repair, is about. */
export function firstOf(one: Ended, all: readonly Ended[]): Ended | undefined {
  return all.find(({ token, isRepair }) => token === one.token && !isRepair);
}

/** Another version's execution was at the target after that step, and before this one ended. A stopped one's step goes on. */
export function isOvertaken(one: Ended, all: readonly Ended[], after: number): boolean {
  return all.some(
    ({ token, history, started, ended, outcome }) =>
      token !== one.token &&
      (ended.step > after || outcome === "ABORTED") &&
      started <= one.ended.step &&
      history.some((state) => TOUCHING.includes(state)),
  );
}

export function isCalm({ behaviour }: Dependent): boolean {
  return CALM.includes(behaviour);
}

export function requiredOf({ dependents }: Played): readonly Dependent[] {
  return dependents.filter(({ name }) => name !== "reports");
}

export function faultsOf({ scenario }: Played): { readonly times: number; readonly last: boolean } {
  const times = scenario.faults.reduce((sum, fault) => sum + fault.times, 0);
  return { times, last: scenario.faults.some(({ seconds }) => seconds > 0) };
}

/** Secrets Manager may have put AWSPENDING back on a version whose rotation is over. */
export function mayBePendingAgain(played: Played, token: string): boolean {
  const { scenario } = played;
  const isPutBack =
    scenario.mode === "native" && ["pending-put-back", "same-token"].includes(String(scenario.retryForm));
  return isPutBack || wasAskedAgain(played, token);
}

/** A person has called RotateSecret with the same token once more. */
export function wasAskedAgain({ watch }: Played, token: string): boolean {
  return watch.acts.filter(({ what }) => what === `RotateSecret ${token.slice(0, 8)}`).length > 1;
}

/** The labels of all versions but one, without AWSPENDING, Rotor's own and those that people use: a text to compare. */
export function ofOthers(labels: LabelTable, token: string): string {
  const rows = Object.entries(labels)
    .filter(([versionId]) => versionId !== token)
    .map(([versionId, held]) => {
      const kept = held.filter((label) => ![AWSPENDING, "GREEN"].includes(label) && !label.startsWith("ROTATION_"));
      return [versionId.slice(0, 8), kept.sort()] as const;
    })
    .filter(([, kept]) => kept.length > 0);
  return JSON.stringify(rows.sort(([a], [b]) => a.localeCompare(b)));
}
