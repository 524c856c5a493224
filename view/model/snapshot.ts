import type { Run, Step } from "../../core/history.ts";
import { listOf, objectOf, textOf, textsOf } from "./payload.ts";

export type LabelTable = Readonly<Record<string, readonly string[]>>;

/** What the workflow itself had read at one instant of its history: nothing in it is concluded. */
export interface Snapshot {
  /** VersionId that was AWSCURRENT before, and of the candidate. */
  readonly base: string | undefined;
  readonly token: string | undefined;
  /** Staging labels by version as DescribeSecret said them; undefined: not read (yet). */
  readonly labels: {
    readonly before: LabelTable | undefined;
    readonly during: LabelTable | undefined;
    readonly now: LabelTable | undefined;
  };
  readonly baseline: readonly { readonly dependent: string; readonly health: string; readonly seen: string }[];
  /** Names of the policy's dependents, in its order. */
  readonly dependents: readonly string[];
  readonly evidence: readonly Seen[];
  readonly restored: readonly Seen[];
  /** The workflow's variables, by name. */
  readonly variables: Readonly<Record<string, unknown>>;
}

export interface Seen {
  readonly dependent: string;
  readonly strength: string;
  readonly seen: string;
}

/** What the variables say after the events that the run was read from. Empty where the history has no execution data. Pure. */
export function snapshotOf(run: Run): Snapshot {
  const variables = variablesOf(run.steps);
  const plan = objectOf(variables["plan"]);
  const labelsOf = (name: string) => tableOf(objectOf(variables[name])["labels"]);
  const during = labelsOf("finish");
  const now = labelsOf("freeze") ?? labelsOf("rollback") ?? labelsOf("discard");
  return {
    base: textOf(plan["base"]),
    token: textOf(plan["token"]),
    labels: { before: tableOf(plan["labels"]), during, now: now ?? (isOver(run) ? during : undefined) },
    baseline: listOf(plan["baseline"]).map((each) => {
      const { dependent, health, seen } = objectOf(each);
      return { dependent: textOf(dependent) ?? "", health: textOf(health) ?? "", seen: textOf(seen) ?? "" };
    }),
    dependents: listOf(plan["dependents"]).flatMap((each) => textOf(objectOf(each)["name"]) ?? []),
    evidence: seenOf(variables["evidence"]),
    restored: seenOf(variables["restored"]),
    variables,
  };
}

/** One dependent's evidence, as Verify answers it; undefined: the value is none. */
export function readSeen(value: unknown): Seen | undefined {
  const { dependent, strength, seen } = objectOf(value);
  const [name, strong] = [textOf(dependent), textOf(strength)];
  return name === undefined || strong === undefined
    ? undefined
    : { dependent: name, strength: strong, seen: textOf(seen) ?? "" };
}

// --- internal ---

/** Each state's Assign counts from its exit on; of one that was left several times the last. */
function variablesOf(steps: readonly Step[]): Readonly<Record<string, unknown>> {
  const left = steps.filter(({ assigned, iteration }) => assigned !== undefined && iteration === undefined);
  const inOrder = [...left].sort((a, b) => timeOf(a) - timeOf(b));
  return Object.assign({}, ...inOrder.map(({ assigned }) => assigned));
}

function timeOf({ endedAt, startedAt }: Step): number {
  return (endedAt ?? startedAt).getTime();
}

function isOver({ status }: Run): boolean {
  return status !== "RUNNING";
}

function seenOf(value: unknown): readonly Seen[] {
  return listOf(value).flatMap((each) => readSeen(each) ?? []);
}

function tableOf(value: unknown): LabelTable | undefined {
  const entries = Object.entries(objectOf(value));
  return entries.length === 0 ? undefined : Object.fromEntries(entries.map(([id, labels]) => [id, textsOf(labels)]));
}
