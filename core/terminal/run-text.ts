import type { createColors } from "picocolors";
import type { Attempt, Run, Step, StepStatus } from "../history.ts";
import { clean } from "../notifications/text.ts";
import type { DependentEvidence, LabelTable, OutcomeFacts } from "../outcome.ts";
import { renderTable } from "./table.ts";

export type Colors = ReturnType<typeof createColors>;

/** A step of the workflow's main line as it is shown, with the iterations of a Map below it. */
export interface StepLines {
  readonly name: string;
  /** Nothing will be added to it any more. */
  readonly ended: boolean;
  readonly lines: readonly string[];
}

/** A message that went out to a topic. */
export interface SentMessage {
  readonly topic: string;
  readonly event: string;
  readonly severity: string;
  readonly subject?: string;
  readonly id: string;
}

/** One entry for each step that does something: choices, pauses and end states are left out. */
export function renderSteps(run: Run, colors: Colors): readonly StepLines[] {
  const main = run.steps.filter((step) => step.iteration === undefined && isShown(step));
  return main.map((step, index) => {
    const isOver = run.status !== "RUNNING" || index < main.length - 1;
    const iterations = step.type === "Map" ? renderIterations(run, step, colors) : [];
    return {
      name: step.name,
      ended: step.endedAt !== undefined && isOver,
      lines: [renderStep(step, colors, iterations.length), ...iterations, ...renderError(step, colors)],
    };
  });
}

/** Which staging labels each version carried before, just after promotion, and carries now. */
export function renderLabelTable(
  { labels, base, token }: Pick<OutcomeFacts, "labels" | "base" | "token">,
  colors: Colors,
): readonly string[] {
  const instants = ["before", "during", "now"] as const;
  const known = instants.flatMap((instant) => Object.keys(labels[instant] ?? {}));
  const ids = [...new Set([...(base ? [base] : []), token, ...known])];
  const rows = ids.map((id) => [
    `${id.slice(0, 8)}${id === token ? " new" : id === base ? " old" : ""}`,
    ...instants.map((instant) => labelsOf(labels[instant], id)),
  ]);
  return renderTable(["version", ...instants], rows, colors);
}

/** Each dependent: its health before, what was seen of it on the new version, and on the old one after a rollback. */
export function renderDependents(
  { baseline, after, restored }: OutcomeFacts["dependents"],
  colors: Colors,
): readonly string[] {
  const names = [
    ...new Set([baseline, after, restored].flatMap((list) => (list ?? []).map(({ dependent }) => dependent))),
  ];
  const find = (list: readonly DependentEvidence[] | null | undefined, name: string) =>
    list?.find(({ dependent }) => dependent === name);
  const rows = names.map((name) => [
    name,
    baseline?.find(({ dependent }) => dependent === name)?.health ?? "not known",
    strengthOf(find(after, name)),
    strengthOf(find(restored, name)),
  ]);
  const table = renderTable(["dependent", "before", "on the new version", "back on the old"], rows, colors);
  const seen = names.flatMap((name) => {
    const last = find(restored, name) ?? find(after, name);
    return last ? [`${name}: ${clean(last.seen, TEXT)}`] : [];
  });
  return [...table, ...seen.map((line) => colors.dim(line))];
}

/** One line for each message. */
export function renderMessages(messages: readonly SentMessage[], colors: Colors): readonly string[] {
  if (messages.length === 0) return [colors.dim("no message was sent")];
  const said = messages.map(({ subject, event }) => subject ?? event);
  const width = Math.max(...said.map((text) => text.length));
  return messages.map(({ topic, severity, id }, index) => {
    const text = colors.bold((said[index] ?? "").padEnd(width));
    return `${topic.padEnd(TOPIC_COLUMNS)}${text}  ${colors.dim(`${severity}, ${id}`)}`;
  });
}

/** Whole ms below a second, then tenths of seconds. */
export function renderDuration(milliseconds: number | undefined): string {
  if (milliseconds === undefined) return "";
  return milliseconds < 1000 ? `${Math.round(milliseconds)} ms` : `${(milliseconds / 1000).toFixed(1)} s`;
}

// --- steps ---

const HIDDEN: readonly string[] = ["Choice", "Pass", "Wait", "Succeed", "Fail"];
const NAME_COLUMNS = 22;
const TOPIC_COLUMNS = 8;
const SHOWN_TRIES = 4;
/** Of others' texts, which stand on one line each: so many characters. */
const TEXT = 1000;
const NAME = 200;

function isShown({ type, name, status }: Step): boolean {
  // A repair waits until nothing of the dead execution can be at work: worth a line while it lasts.
  if (type === "Wait" && name.startsWith("Settle")) return status === "running";
  return !HIDDEN.includes(type);
}

function renderStep(step: Step, colors: Colors, iterations: number): string {
  const empty = step.type === "Map" && step.endedAt !== undefined && iterations === 0;
  const told = empty ? colors.dim("nothing to do") : renderTries(step.attempts, colors);
  return `${mark(step.status, colors)} ${step.name.padEnd(NAME_COLUMNS)}${renderDuration(step.durationMs).padStart(8)}  ${told}`.trimEnd();
}

function renderIterations(run: Run, map: Step, colors: Colors): readonly string[] {
  const steps = run.steps.filter(({ iteration, type }) => iteration?.map === map.name && !HIDDEN.includes(type));
  const indexes = [...new Set(steps.map(({ iteration }) => iteration?.index))];
  return indexes.map((index) => {
    const own = steps.filter(({ iteration }) => iteration?.index === index);
    const told = own.map((step) => {
      const tries = step.attempts.length > 1 ? ` (${step.attempts.length} tries)` : "";
      return `${step.name} ${renderDuration(step.durationMs)}${tries}`;
    });
    const name = clean(own[0]?.iteration?.item ?? String(index), NAME).padEnd(NAME_COLUMNS - 2);
    const failed = own.find(({ status }) => status === "failed");
    const why = failed?.attempts.at(-1)?.error;
    return `  ${mark(iterationStatus(own), colors)} ${name}  ${told.join(", ")}${why ? `  ${colors.red(clean(why, NAME))}` : ""}`;
  });
}

/** A refresh whose failure was caught is no failure of the iteration. */
function iterationStatus(steps: readonly Step[]): StepStatus {
  const worst = (["failed", "aborted", "waiting-to-retry", "running"] as const).find((status) =>
    steps.some((step) => step.status === status),
  );
  return worst ?? steps.at(-1)?.status ?? "running";
}

function renderTries(attempts: readonly Attempt[], colors: Colors): string {
  if (attempts.length < 2) return "";
  const shown = attempts.slice(-SHOWN_TRIES).map((attempt) => {
    if (attempt.error !== undefined) return colors.yellow(clean(attempt.error, NAME));
    return attempt.endedAt === undefined ? "..." : colors.green("ok");
  });
  const more = attempts.length > SHOWN_TRIES ? "..., " : "";
  return `${attempts.length} tries: ${more}${shown.join(", ")}`;
}

/** What a step that did not get there says, on a line of its own. */
function renderError({ status, attempts }: Step, colors: Colors): readonly string[] {
  const last = attempts.at(-1);
  if (last?.error === undefined || status === "succeeded") return [];
  const says = last.message === undefined ? "" : `: ${clean(last.message, TEXT)}`;
  return [`    ${colors.red(clean(last.error, NAME))}${says}`];
}

function mark(status: StepStatus, colors: Colors): string {
  switch (status) {
    case "succeeded":
      return colors.green("✓");
    case "failed":
      return colors.red("✗");
    case "caught":
      return colors.yellow("!");
    case "aborted":
      return colors.dim("-");
    case "waiting-to-retry":
      return colors.yellow("↻");
    case "running":
      return colors.cyan("▸");
  }
}

// --- tables ---

function labelsOf(table: LabelTable | null | undefined, id: string): string {
  if (table == null) return "not read";
  return clean([...(table[id] ?? [])].sort().join(" "), TEXT) || "-";
}

function strengthOf(evidence: DependentEvidence | undefined): string {
  if (evidence === undefined) return "-";
  return evidence.strength === "none" ? "not seen" : `seen, ${evidence.strength}`;
}
