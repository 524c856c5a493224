import { readFileSync } from "node:fs";
import type { Edit } from "../faults/in-process/bundle.ts";

/** One bug that somebody might have made. */
export interface Mutant extends Edit {
  /** What the code does then: a sentence that begins with a small letter, without its full stop. */
  readonly name: string;
  /** Of the workflow: the state in whose text `from` stands once. Absent: it stands once in the whole file. */
  readonly state?: string;
  /** The play that is there for it, and that is therefore played first. */
  readonly by: string;
}

export const WORKFLOW = "statemachines/rotation.asl.json";

/**
 * The text of the mutant's file, edited.
 * @throws Error when it has no such text, or has it more than once
 */
export function edited(source: string, { from, to, state }: Omit<Mutant, "by">): string {
  if (state === undefined) return replaceOnce(source, from, to);
  // From the state's name, on whatever level, to the brace that closes it.
  const begins = new RegExp(`^( +)"${state}": \\{$`, "m").exec(source);
  if (begins === null) throw new Error(`The workflow has no state ${state}.`);
  const ends = source.indexOf(`\n${begins[1]}}`, begins.index);
  const inside = replaceOnce(source.slice(begins.index, ends), from, to);
  return source.slice(0, begins.index) + inside + source.slice(ends);
}

function replaceOnce(source: string, from: string, to: string): string {
  const times = source.split(from).length - 1;
  if (times !== 1) throw new Error(`The text is there ${times} times: ${from}`);
  return source.replace(from, () => to);
}

export function readSource(file: string): string {
  return readFileSync(new URL(`../../${file}`, import.meta.url), "utf8");
}
