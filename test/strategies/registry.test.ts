import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { STRATEGIES } from "../../core/engines.ts";
import { parse } from "../../core/parse.ts";
import { parsePolicies } from "../../core/policies.ts";
import { requireStrategy } from "../../core/steps/rotate.ts";
import { findStrategy, strategyNames } from "../../core/strategies/registry.ts";

const folder = new URL("../../core/strategies/", import.meta.url);

test("every strategy is found by its name, which is its file's", () => {
  for (const name of strategyNames) {
    expect(findStrategy(name)?.name).toBe(name);
    expect(readFileSync(new URL(`${name}.ts`, folder), "utf8")).toContain(`name: "${name}"`);
  }
});

test("every file that defines a strategy is registered", () => {
  const defining = readdirSync(folder)
    .filter((file) => /= defineStrategy[<(]/.test(readFileSync(new URL(file, folder), "utf8")))
    .map((file) => file.replace(/\.ts$/, ""));

  expect(defining.sort()).toEqual([...strategyNames]);
});

test("a name that nobody has is undefined", () => {
  expect(findStrategy("constructor")).toBeUndefined();
});

test("a policy whose strategy there is not is told which there are", () => {
  const [policy] = parsePolicies([{ secretId: "orders/db", strategy: "postgres-one-user" }]);
  if (policy === undefined) throw new Error("There is no policy.");
  expect(() => requireStrategy(policy, "postgresql")).toThrow(
    `orders/db: there is no strategy "postgres-one-user"; there are: ${strategyNames.join(", ")}. Nothing was touched.`,
  );
});

test.each([
  ["postgresql", "postgres-single-user", "postgres-single-user"],
  ["mariadb", "mariadb-dual", "mariadb-dual"],
] as const)("a function for %s finds the strategy %s", (engine, strategy, name) => {
  const [policy] = parsePolicies([{ secretId: "orders/db", strategy }]);
  if (policy === undefined) throw new Error("There is no policy.");
  expect(requireStrategy(policy, engine).name).toBe(name);
});

test("a function of another engine refuses a policy's strategy, whose driver it does not have", () => {
  const [policy] = parsePolicies([{ secretId: "orders/db", strategy: "mariadb-dual" }]);
  if (policy === undefined) throw new Error("There is no policy.");
  expect(() => requireStrategy(policy, "redis")).toThrow(
    'orders/db: strategy "mariadb-dual" is for mariadb, and this function for redis:',
  );
});

test("the blueprint has a row for every strategy, and for no other", () => {
  expect(Object.keys(STRATEGIES).sort()).toEqual([...strategyNames]);
});

const CREDENTIALS: Readonly<Record<string, object>> = {
  lambda: { username: "orders", password: "x" },
  postgresql: { engine: "postgres", host: "db", username: "orders", password: "x" },
  mariadb: { engine: "mariadb", host: "db", username: "orders", password: "x" },
  redis: { engine: "redis", host: "cache", username: "orders", password: "x" },
};

test.each(Object.entries(STRATEGIES))(
  "the blueprint says of %s what its credential and its target offer",
  (name, row) => {
    const strategy = findStrategy(name);
    if (strategy === undefined) throw new Error(`There is no strategy ${name}.`);
    expect("sessions" in strategy).toBe(row.sessions);
    if (strategy.text) {
      expect([parse(strategy.credential, "x").success, row.administrator]).toEqual([true, "never"]);
      return;
    }
    const credential = name === "random-value" ? { format: "token", value: "x" } : CREDENTIALS[row.engine];
    const accepts = (one: object) => parse(strategy.credential, one).success;
    expect(accepts({ ...credential, masterarn: "admin" })).toBe(true);
    expect(accepts({ ...credential })).toBe(row.administrator !== "required");
  },
);
