import { createRandom } from "../interleavings/random.ts";

export interface Scenario {
  /** Who asks: Secrets Manager, or a request on the rotation bus. */
  readonly mode: "native" | "driven";
  readonly strategy: "postgres-single-user" | "postgres-alternating-users";
  /** A dependent that refuses the new version: the rotation is rolled back. */
  readonly broken: boolean;
}

export const SCENARIOS: readonly Scenario[] = [false, true].flatMap((broken) =>
  (["postgres-single-user", "postgres-alternating-users"] as const).flatMap((strategy) =>
    (["native", "driven"] as const).map((mode) => ({ mode, strategy, broken })),
  ),
);

/** One rotation, and when the process is killed during it. */
export interface Vector {
  readonly index: number;
  readonly scenario: number;
  /** Of how long the scenario takes undisturbed: the first from the acceptance of the request, each other from the restart. */
  readonly after: readonly number[];
}

/** The rotations of a seed, with so many kills altogether. One in five is killed twice. */
export function vectorsOf(seed: number, kills: number): readonly Vector[] {
  const random = createRandom(seed);
  const vectors: Vector[] = [];
  for (let left = kills; left > 0; ) {
    const twice = left > 1 && random.chance(0.2);
    const after = Array.from({ length: twice ? 2 : 1 }, () => random.next());
    vectors.push({ index: vectors.length, scenario: vectors.length % SCENARIOS.length, after });
    left -= after.length;
  }
  return vectors;
}

export function titleOf({ mode, strategy, broken }: Scenario): string {
  return `${mode}, ${strategy}, ${broken ? "a dependent refuses" : "nothing stands in the way"}`;
}
