import { PLANNED } from "./advice.ts";
import { commandField, field, page, runbooks } from "./layout.ts";
import type { RotationFacts } from "./schema.ts";
import { time } from "./text.ts";

/** How a rotation ended, as plain text: `page` says of what form. */
export function writeEmail(facts: RotationFacts): string {
  const { secret, rotation, state, failure, rollbackFailure, links } = facts;
  return page(facts.summary, [
    field("Secret", secret.name ?? `${secret.arn} (its name was not read)`),
    ...(secret.class === null ? [] : [field("Class", secret.class)]),
    field("Stage", [secret.stage, ...(secret.owner === null ? [] : [`owner ${secret.owner}`])].join(", ")),
    field("Live now", live(facts)),
    ...(failure
      ? [
          field(failure.name === PLANNED ? "Planned" : "Failed at", `${failure.step}: ${failure.name}`),
          field("", failure.message),
          ...likely(failure),
        ]
      : []),
    ...(rollbackFailure
      ? [
          field("Rollback", `failed at ${rollbackFailure.step}: ${rollbackFailure.name}`),
          field("", rollbackFailure.message),
          ...likely(rollbackFailure),
        ]
      : []),
    ...(state.newWasLiveMs === null
      ? []
      : [field("Exposure", `the new version was AWSCURRENT for about ${seconds(state.newWasLiveMs)}`)]),
    ...signIns(facts),
    ...versions(facts),
    ...dependents(facts),
    ...(facts.rehearsal === null ? [] : [field("Rehearsal", rehearsed(facts.rehearsal))]),
    ...(facts.override === null
      ? []
      : [field("Override", `rotated without its rehearsal, by ${facts.override.by}: ${facts.override.reason}`)]),
    ...facts.remarks.map((remark) => field("Note", remark)),
    ...facts.nextSteps.flatMap(({ say, command }, index) => [
      field(index === 0 ? "To do" : "", `${index + 1}. ${say}`),
      ...(command === null ? [] : [commandField("", command)]),
    ]),
    ...runbooks(links),
    field(
      "Rotation",
      `started ${time(rotation.startedAt)}, mode ${rotation.mode}, strategy ${secret.strategy ?? "not known"}`,
    ),
    ...(links.execution === null ? [] : [field("Execution", links.execution)]),
    commandField("History", links.history),
  ]);
}

function likely({ likelyCause }: NonNullable<RotationFacts["failure"]>): readonly (readonly string[])[] {
  return likelyCause === null ? [] : [field("Likely why", likelyCause)];
}

function live({ state, outcome }: RotationFacts): string {
  if (state.liveVersionId === null) return "not known: the labels were not read";
  const signedIn =
    state.liveSignedInAt === null
      ? "no sign-in with it is known"
      : `a sign-in with it worked at ${time(state.liveSignedInAt)}`;
  // The truth table below says it better.
  return outcome === "ROLLBACK_FAILED"
    ? `version ${state.liveVersionId}`
    : `version ${state.liveVersionId}; ${signedIn}`;
}

function rehearsed({ part, strategy, digest, rollbackExecution }: NonNullable<RotationFacts["rehearsal"]>): string {
  const what = `of ${strategy}, digest ${digest}`;
  if (part === "roll-back") return `first part (a forced rollback) ${what}`;
  return rollbackExecution === null
    ? `second part ${what}; it does not count, because no forced rollback was proved before it`
    : `second part ${what}; ${rollbackExecution} has proved the rollback`;
}

function signIns({ state }: RotationFacts): readonly (readonly string[])[] {
  if (state.truthTable === null) return [];
  return state.truthTable.map(({ id, labels, signIn }, index) =>
    field(index === 0 ? "Sign-ins" : "", `${id}: ${signIn} (${stages(labels)})`),
  );
}

function versions({ state }: RotationFacts): readonly (readonly string[])[] {
  // An instant at which no labels were read is left out: no row would say anything of it.
  const instants = (["before", "during", "now"] as const).filter((instant) =>
    state.versions.some((each) => each[instant]),
  );
  const rows = state.versions.flatMap((version, index) => [
    field(index === 0 ? "Versions" : "", version.id),
    ...instants.map((instant) => field("", `  ${instant}: ${stages(version[instant])}`)),
  ]);
  return state.moreVersions === 0 ? rows : [...rows, field("", `+${state.moreVersions} more`)];
}

function dependents({ dependents: { items, more, total } }: RotationFacts): readonly (readonly string[])[] {
  if (total === 0) return [field("Dependents", "none was looked at")];
  const rows = items.flatMap(({ name, before, after, restored, seen }, index) => {
    const told = [
      ...(before === null ? [] : [`${before} before`]),
      ...(after === null ? [] : [`on the new version: ${EVIDENCE[after]}`]),
      ...(restored === null ? [] : [`on the old again: ${EVIDENCE[restored]}`]),
    ];
    return [
      field(index === 0 ? "Dependents" : "", `${name}: ${told.join(", ")}`),
      ...(seen === null ? [] : [field("", `  ${seen}`)]),
    ];
  });
  return more === 0 ? rows : [...rows, field("", `+${more} more`)];
}

const EVIDENCE = {
  strong: "seen (strong)",
  claimed: "by its own word (claimed)",
  weak: "healthy, version not confirmed (weak)",
  none: "not seen",
} as const;

function stages(labels: readonly string[] | null): string {
  if (labels === null) return "not known";
  return labels.length === 0 ? "-" : labels.join(" ");
}

function seconds(milliseconds: number): string {
  return milliseconds < 10_000 ? `${(milliseconds / 1000).toFixed(1)} s` : `${Math.round(milliseconds / 1000)} s`;
}
