import type { RotationFacts } from "./schema.ts";
import { time, wrap } from "./text.ts";

const COLUMNS = 76;
const INDENT = 12;

/**
 * Plain text of 76 columns, the verdict first. Only what is longer than a line by itself, such as an ARN, goes beyond: it
 * stays whole, so that it can be copied.
 */
export function writeEmail(facts: RotationFacts): string {
  const { secret, rotation, state, failure, rollbackFailure, links } = facts;
  const sections = [
    field("Secret", secret.name ?? `${secret.arn} (its name was not read)`),
    field("Stage", [secret.stage, ...(secret.owner === null ? [] : [`owner ${secret.owner}`])].join(", ")),
    field("Live now", live(facts)),
    ...(failure ? [field("Failed at", `${failure.step}: ${failure.name}`), field("", failure.message)] : []),
    ...(rollbackFailure
      ? [
          field("Rollback", `failed at ${rollbackFailure.step}: ${rollbackFailure.name}`),
          field("", rollbackFailure.message),
        ]
      : []),
    ...(state.newWasLiveMs === null
      ? []
      : [field("Exposure", `the new version was AWSCURRENT for about ${seconds(state.newWasLiveMs)}`)]),
    ...signIns(facts),
    ...versions(facts),
    ...dependents(facts),
    ...facts.remarks.map((remark) => field("Note", remark)),
    ...facts.nextSteps.flatMap(({ say, command }, index) => [
      field(index === 0 ? "To do" : "", `${index + 1}. ${say}`),
      ...(command === null ? [] : [lines("", shellLines(command))]),
    ]),
    ...(links.runbook === null ? [] : [field("Runbook", links.runbook)]),
    field(
      "Rotation",
      `started ${time(rotation.startedAt)}, mode ${rotation.mode}, strategy ${secret.strategy ?? "not known"}`,
    ),
    ...(links.execution === null ? [] : [field("Execution", links.execution)]),
    lines("History", shellLines(links.history)),
  ];
  return `${[...wrap(facts.summary.split(" "), COLUMNS), "", ...sections.flat()].join("\n")}\n`;
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

// --- layout ---

function field(label: string, text: string): readonly string[] {
  const indent = text.startsWith("  ") ? "  " : "";
  const words = text.split(" ").filter((word) => word !== "");
  return lines(
    label,
    wrap(words, COLUMNS - INDENT - indent.length).map((line) => `${indent}${line}`),
  );
}

function lines(label: string, all: readonly string[]): readonly string[] {
  return all.map((line, index) => `${(index === 0 ? label : "").padEnd(INDENT)}${line}`.trimEnd());
}

/** One command, to be pasted as it is: the shell puts its lines together. */
function shellLines(command: string): readonly string[] {
  const all = wrap(command.match(/(?:'[^']*'|[^\s'])+/g) ?? [], COLUMNS - INDENT - 4);
  return all.map((line, index) => `${index === 0 ? "" : "  "}${line}${index === all.length - 1 ? "" : " \\"}`);
}
