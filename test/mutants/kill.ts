import { FUNCTIONS, type FunctionName } from "../../core/blueprint.ts";
import type { PolicyInput } from "../../core/policies.ts";
import type { RotationRetry } from "../../local/services/index.ts";
import { type FaultArena, onePerSituation, openFaultArena } from "../faults/arena.ts";
import { bundleInProcess, type Code } from "../faults/in-process/bundle.ts";
import { policies } from "../interleavings/arena.ts";
import type { Target } from "../interleavings/target.ts";
import { BATTERY } from "./battery.ts";
import { edited, type Mutant, WORKFLOW } from "./mutant.ts";
import { COUNTED, createStage, parsePlay, type Result, type Stage } from "./play.ts";
import { SCENES } from "./scenes.ts";

/** What killed a mutant. */
export interface Kill {
  readonly by: string;
  readonly because: string;
  /** How many plays it took. */
  readonly plays: number;
}

export interface Original extends AsyncDisposable {
  readonly code: Code;
  /** By play, as soon as one was needed. @throws Error where the original code breaks a promise, or has no such play */
  result(name: string): Promise<Result>;
}

export async function openOriginal(): Promise<Original> {
  const code = (await bundleInProcess()) as Code;
  const theatre = openTheatre({ code });
  const results = new Map<string, Promise<Result>>();
  return {
    code,
    result(name) {
      const found = results.get(name) ?? play(name);
      results.set(name, found);
      return found;
    },
    [Symbol.asyncDispose]: () => theatre[Symbol.asyncDispose](),
  };

  async function play(name: string): Promise<Result> {
    const result = await theatre.play(name);
    if (result === undefined) throw new Error(`Nothing in it meets the faults of: ${name}`);
    if (result.broken.length > 0) throw new Error(`The original code breaks in "${name}": ${result.broken.join(" ")}`);
    return result;
  }
}

/**
 * Plays one play after the other until a promise is broken, or something ends otherwise than with the original code.
 * @returns undefined when the mutant survives all of them
 */
export async function kill(
  original: Original,
  mutant: Mutant,
  plays: readonly string[] = [mutant.by, ...BATTERY.filter((each) => each !== mutant.by)],
): Promise<Kill | undefined> {
  await using theatre = openTheatre(await codeOf(original, mutant));
  for (const [index, name] of plays.entries()) {
    const wanted = await original.result(name);
    const result = await theatre.play(name);
    if (result === undefined) continue;
    const because = differences(result, wanted);
    if (because !== undefined) return { by: name, because, plays: index + 1 };
  }
  return undefined;
}

function differences({ broken, end, said }: Result, wanted: Result): string | undefined {
  if (broken.length > 0) return broken[0];
  if (end !== wanted.end) return `It ended ${end}, and not ${wanted.end}`;
  const [more, less] = [without(said, wanted.said), without(wanted.said, said)];
  if (more.length + less.length === 0) return undefined;
  return `It told ${more.join() || "nothing else"}, and not ${less.join() || "anything less"}.`;
}

function without(lines: readonly string[], others: readonly string[]): readonly string[] {
  return lines.filter((line) => !others.includes(line));
}

interface Deployed {
  readonly code: Code;
  readonly definition?: (deployed: string) => string;
}

/** Only functions that have the edited file are bundled anew: esbuild names each module before its text. */
async function codeOf({ code }: Original, mutant: Mutant): Promise<Deployed> {
  if (mutant.file === WORKFLOW) {
    return { code, definition: (file) => edited(file, mutant) };
  }
  const names = Object.keys(FUNCTIONS) as FunctionName[];
  const functions = names.filter((name) => code[name].includes(`\n// ${mutant.file}\n`));
  return { code: { ...code, ...(await bundleInProcess({ edits: [mutant], functions })) } };
}

/** Twice within the soak of a scene: long enough for every other step. */
const IMPATIENT = { stepTimeoutSeconds: 5, delaySeconds: 5 };

/** A stage for each form of Secrets Manager's retries, and for its patience, opened when it is needed. */
function openTheatre(deployed: Deployed): Stage & AsyncDisposable {
  const stages = new Map<string, Promise<{ readonly arena: FaultArena; readonly stage: Stage }>>();
  return {
    async play(name) {
      const scene = SCENES[name];
      const form = scene === undefined ? (isRetried(name) ? "same-token" : null) : scene.retryForm;
      const patience = scene?.isImpatient ? IMPATIENT : { delaySeconds: 60 };
      const key = JSON.stringify([form, patience]);
      const found = stages.get(key) ?? open(form, patience);
      stages.set(key, found);
      return (await found).stage.play(name);
    },
    async [Symbol.asyncDispose]() {
      for (const opened of stages.values()) await (await opened).arena[Symbol.asyncDispose]();
    },
  };

  function isRetried(name: string): boolean {
    return !name.startsWith(COUNTED) && parsePlay(name).retried;
  }

  async function open(form: RotationRetry["form"] | null, patience: Partial<RotationRetry>) {
    const rotation = form === null ? { attempts: 0 } : { attempts: 2, form, ...patience };
    const arena = await openFaultArena({ ...deployed, rotation, policies: allPolicies });
    return { arena, stage: createStage(arena) };
  }
}

function allPolicies(...where: Parameters<typeof onePerSituation>): readonly PolicyInput[] {
  return [...onePerSituation(...where), ...policies(where[0] as Target, where[1])];
}
