import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { PolicyInput } from "../../core/policies.ts";
import { policies } from "../interleavings/arena.ts";
import { play } from "../interleavings/play.ts";
import type { Scenario } from "../interleavings/scenario.ts";
import type { Target } from "../interleavings/target.ts";
import { type FaultArena, onePerSituation, openFaultArena } from "./arena.ts";
import { bundleInProcess, type Edit } from "./in-process/bundle.ts";
import { playFaults } from "./run.ts";

/** In SetSecret the candidate is at hand; all functions have the globals of one process. */
const REMEMBERED: Edit = {
  file: "core/steps/set-secret.ts",
  from: "  const versions = { candidate: candidate.credential, base: current.credential };",
  to: `  const { password } = candidate.credential as any;
  globalThis.leaked = password;
  const versions = { candidate: candidate.credential, base: current.credential };`,
};

/** One leak for each place that is searched: the real functions, which let the candidate's password out there. */
const LEAKS: Readonly<Record<string, readonly Edit[]>> = {
  "an execution history": [
    REMEMBERED,
    {
      file: "functions/rotate.ts",
      from: "    return rotate(account, event);",
      to: "    return { ...(await rotate(account, event)), note: globalThis.leaked };",
    },
  ],
  "a function's log": [{ ...REMEMBERED, to: `${REMEMBERED.to}\n  console.log(\`set \${password}\`);` }],
  "a message": [
    REMEMBERED,
    {
      file: "functions/notify.ts",
      from: "JSON.stringify(message.json)",
      to: "JSON.stringify({ ...message.json, note: globalThis.leaked })",
    },
  ],
  "an event": [
    REMEMBERED,
    {
      file: "functions/notify.ts",
      from: "{ detailType, detail, resources }),",
      to: "{ detailType, detail: { ...detail, note: globalThis.leaked }, resources }),",
    },
  ],
};

const CALM: Scenario = {
  ...{ seed: 0, mode: "driven", overlap: false, shape: "followed", retryForm: null, flakySeconds: 1, eventSeed: 1 },
  ...{ actions: [], faults: [], events: { lose: 0, double: 0, delay: 0 } },
  behaviours: { orders: "reloading", reports: "reloading" },
};
const TIMEOUT_MS = 600_000;

describe.each([["nowhere", []] as const, ...Object.entries(LEAKS)])("what lets a password out: %s", (place, edits) => {
  const seen = place === "nowhere" ? [] : [`A password was seen in ${place}.`];
  let arena: FaultArena;
  beforeAll(async () => {
    arena = await openFaultArena({ code: await bundleInProcess({ edits }), policies: allPolicies });
  }, TIMEOUT_MS);
  afterAll(() => arena[Symbol.asyncDispose]());

  test(
    "is seen there and nowhere else in a run with faults",
    async () => {
      const { broken, outcomes } = await playFaults(arena, { mode: "driven", overlap: false, path: "forward" });
      expect(outcomes).toContain("SUCCEEDED");
      expect(broken).toEqual(seen);
    },
    TIMEOUT_MS,
  );

  test(
    "is seen there and nowhere else in an interleaving",
    async () => {
      const { broken, outcomes } = await play(arena, CALM);
      expect(outcomes).toContain("SUCCEEDED");
      expect(broken).toEqual(seen);
    },
    TIMEOUT_MS,
  );
});

function allPolicies(...where: Parameters<typeof onePerSituation>): readonly PolicyInput[] {
  return [...onePerSituation(...where), ...policies(where[0] as Target, where[1])];
}
