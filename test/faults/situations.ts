import { type Fault, LASTING, PASSING } from "./alphabet.ts";
import { ROTATION_MODES } from "./arena.ts";
import type { Injection } from "./inject.ts";
import type { Schedule } from "./race.ts";
import type { Situation } from "./run.ts";

export const SITUATIONS: readonly Situation[] = ROTATION_MODES.flatMap((mode) =>
  [false, true].flatMap((overlap) => (["forward", "rolled-back"] as const).map((path) => ({ mode, overlap, path }))),
);

/**
 * A run as one line, which `ROTOR_FAULT` takes: "driven single rolled-back 19:lost 25:error after", "native single forward
 * gate/states.DescribeExecution/2:late", "driven overlap forward turns 3,5".
 */
export function vectorOf(
  { mode, overlap, path }: Situation,
  injections: readonly Injection[],
  schedule?: Schedule,
): string {
  const faults = injections.map(({ at, fault }) => `${String(at).replaceAll(" ", "/")}:${fault}`);
  const turns = schedule === undefined ? [] : [`turns ${schedule.join()}`];
  return [mode, overlap ? "overlap" : "single", path, ...faults, ...turns].join(" ");
}

/** @throws Error when the line is none of `vectorOf` */
export function readVector(line: string): {
  readonly situation: Situation;
  readonly injections: readonly Injection[];
  readonly schedule?: Schedule;
} {
  const [vector = "", turns] = line.split(" turns ");
  const [mode, scheme, path, ...rest] = vector.split(" ");
  const situation = SITUATIONS.find(
    (each) => each.mode === mode && each.overlap === (scheme === "overlap") && each.path === path,
  );
  const injections = [...rest.join(" ").matchAll(/(\S+):([a-z ]+?)(?= \S+:|$)/g)].map(([, at = "", fault]) => {
    const known = [...PASSING, ...LASTING].find((each) => each === fault);
    if (known === undefined) throw new Error(`No fault is called "${fault}": ${[...PASSING, ...LASTING].join(", ")}.`);
    return { at: /^\d+$/.test(at) ? Number(at) : at.replaceAll("/", " "), fault: known };
  });
  if (situation === undefined || !["single", "overlap"].includes(scheme ?? "")) {
    throw new Error(`"${line}" begins with no situation, such as "driven single rolled-back".`);
  }
  return { situation, injections, ...(turns === undefined ? {} : { schedule: turns.split(",").map(Number) }) };
}

export function isPassing(fault: Fault): boolean {
  return (PASSING as readonly string[]).includes(fault);
}
