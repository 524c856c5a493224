import { expect, test } from "vitest";
import { strategyNames } from "../../core/strategies/registry.ts";
import { TRIED } from "./injection.ts";

/** Strategies that put nothing of a secret into a statement or a command, and what they do instead. */
const WITHOUT_STATEMENTS: Readonly<Record<string, string>> = {
  lambda: "calls the policy's rotation function with three fields: test/strategies/lambda.test.ts",
  "random-text": "has no target: test/strategies/random-text.test.ts",
  "random-value": "has no target: test/strategies/random-value.test.ts",
};

test("every strategy is tried with every text of an attack, or is one that writes no statement", () => {
  const known = [...Object.values(TRIED).flat(), ...Object.keys(WITHOUT_STATEMENTS)];
  expect(known.sort()).toEqual([...strategyNames]);
});
