import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { STRATEGIES } from "../../core/blueprint.ts";
import { parse } from "../../core/parse.ts";
import { parsePolicies } from "../../core/policies.ts";
import { requireStrategy } from "../../core/steps/rotate.ts";
import { findStrategy, strategyNames } from "../../core/strategies/registry.ts";
import * as waiting from "../../core/strategies/waiting.ts";

const folder = new URL("../../core/strategies/", import.meta.url);

test("every strategy is found by its name, which is its file's", () => {
  for (const name of strategyNames) {
    expect(findStrategy(name)?.name).toBe(name);
    expect(readFileSync(new URL(`${name}.ts`, folder), "utf8")).toContain(`name: "${name}"`);
  }
});

test("every file that defines a strategy is registered, or waits for its engine's functions and cannot be chosen", () => {
  const waits = Object.values(waiting).map(({ name }) => name);
  for (const name of waits) expect(findStrategy(name)).toBeUndefined();
  const defining = readdirSync(folder)
    .filter((file) => /= defineStrategy[<(]/.test(readFileSync(new URL(file, folder), "utf8")))
    .map((file) => file.replace(/\.ts$/, ""));

  expect(defining.sort()).toEqual([...strategyNames, ...waits].sort());
});

test("a name that nobody has is undefined", () => {
  expect(findStrategy("constructor")).toBeUndefined();
});

test("a policy whose strategy there is not is told which there are", () => {
  const [policy] = parsePolicies([{ secretId: "orders/db", strategy: "postgres-one-user" }]);
  if (policy === undefined) throw new Error("There is no policy.");
  expect(() => requireStrategy(policy)).toThrow(
    `orders/db: there is no strategy "postgres-one-user"; there are: ${strategyNames.join(", ")}. Nothing was touched.`,
  );
});

test("the blueprint knows the engine of every strategy, and of no other", () => {
  expect(Object.keys(STRATEGIES).sort()).toEqual([...strategyNames]);
});

test.each(Object.entries(STRATEGIES))(
  "the blueprint says of %s what its credential needs",
  (name, { administrator }) => {
    const strategy = findStrategy(name);
    if (strategy === undefined) throw new Error(`There is no strategy ${name}.`);
    const credential = { engine: "postgres", host: "db", username: "orders", password: "x" };
    const accepts = (one: object) => parse(strategy.credential, one).success;
    expect(accepts({ ...credential, masterarn: "admin" })).toBe(true);
    expect(accepts(credential)).toBe(administrator !== "required");
  },
);
