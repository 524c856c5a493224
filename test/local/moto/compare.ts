import type { Answer, Played } from "./play.ts";

/** A member that the two do not say alike. */
export interface Divergence {
  readonly step: string;
  readonly at: string;
  readonly ours: string;
  readonly motos: string;
}

export interface Comparison {
  /** How many members both have said alike. */
  readonly agreements: number;
  readonly divergences: readonly Divergence[];
}

const ABSENT = "(absent)";

/**
 * Step by step: the outcome; where that is the same, every member of the answer; and the labels, each difference once, at the
 * step that made it.
 */
export function compare(ours: readonly Played[], motos: readonly Played[]): Comparison {
  let agreements = 0;
  const divergences: Divergence[] = [];
  let known = new Set<string>();
  for (const [index, { step, answer, labels }] of ours.entries()) {
    const theirs = motos[index] as Played;
    if (step.includes(" 1: ")) known = new Set();
    const differences = [...differencesOf(answer, theirs.answer), ...differencesOf(labels, theirs.labels)];
    const fresh = new Map(differences.map((each) => [JSON.stringify(each), each]));
    for (const [key, each] of fresh) if (!known.has(key)) divergences.push({ step, ...each });
    known = new Set([...fresh].flatMap(([key, { at }]) => (at.startsWith("VersionIdsToStages.") ? [key] : [])));
    agreements += likenesses(answer, theirs.answer) + likenesses(labels, theirs.labels);
  }
  return { agreements, divergences };
}

function likenesses(ours: Answer, motos: Answer): number {
  return [...ours].filter(([at, value]) => motos.get(at) === value).length;
}

function differencesOf(ours: Answer, motos: Answer): readonly Omit<Divergence, "step">[] {
  const isOutcomeSame = ours.get("outcome") === motos.get("outcome");
  const members = isOutcomeSame ? [...new Set([...ours.keys(), ...motos.keys()])] : ["outcome"];
  return members.flatMap((at) => {
    const [one = ABSENT, other = ABSENT] = [ours.get(at), motos.get(at)];
    return one === other ? [] : [{ at, ours: one, motos: other }];
  });
}

/** `*` in a known divergence stands for any text. `fresh`: divergences that no known one describes. `gone`: known ones that describe none of these. */
export function judge<K extends Divergence>(divergences: readonly Divergence[], known: readonly K[]) {
  const isLike = (each: Divergence) => (one: K) => MEMBERS.every((member) => matches(one[member], each[member]));
  return {
    fresh: divergences.filter((each) => !known.some(isLike(each))),
    gone: known.filter((one) => !divergences.some((each) => isLike(each)(one))),
  };
}

const MEMBERS = ["step", "at", "ours", "motos"] as const;

function matches(pattern: string, text: string): boolean {
  const parts = pattern.split("*").map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}$`, "s").test(text);
}
