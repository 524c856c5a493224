import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { countOutcomes, filterRuns, filterSecrets, readFilters, writeFilters } from "../../../view/model/filters.ts";
import { RUN_OUTCOMES, type RunRow, type SecretRow } from "../../../view/wire.ts";

const NONE = readFilters("");
const run = (
  name: string,
  secret: string,
  outcome: RunRow["outcome"],
  status: RunRow["status"] = "SUCCEEDED",
): RunRow => ({
  ...{ name, secret, outcome, status, mode: "native", startedAt: null, endedAt: null },
});
const secret = (name: string, owner: string | null, ...states: readonly string[]): SecretRow => ({
  ...{ name, arn: `arn:${name}`, class: "native ours", policy: null, owner, lastRun: null, lastRotatedAt: null },
  ...{ currentSince: null, nextAt: null, overdueSeconds: states.includes("overdue") ? 60 : 0, states },
});

test("filters are in the address, and come back from it as they were", () => {
  const filters = fc.record({
    words: fc.string(),
    outcome: fc.constantFrom(...RUN_OUTCOMES, "" as const),
    state: fc.constantFrom("", "any", "overdue", "candidate left"),
    owner: fc.string(),
  });
  fc.assert(
    fc.property(filters, (given) => {
      expect(readFilters(writeFilters(given))).toEqual(given);
    }),
  );
  expect(writeFilters(NONE)).toBe("");
  expect(readFilters("?outcome=nonsense&q=orders").outcome).toBe("");
});

describe("what a filter leaves", () => {
  const secrets = [
    secret("orders/db", "shop", "overdue"),
    secret("billing/db", "finance"),
    secret("mail", null, "frozen"),
  ];
  const runs = [
    run("r1", "orders/db", "SUCCEEDED"),
    run("r2", "billing/db", "ROLLED_BACK", "FAILED"),
    run("r3", "orders/db", null, "RUNNING"),
    run("r4", "mail", null, "FAILED"),
  ];
  const secretsOf = (filters: Partial<typeof NONE>) =>
    filterSecrets(secrets, { ...NONE, ...filters }).map(({ name }) => name);
  const runsOf = (filters: Partial<typeof NONE>) =>
    filterRuns(runs, { ...NONE, ...filters }, secrets).map(({ name }) => name);

  test("of secrets: those that have every word, the state, the owner", () => {
    expect(secretsOf({ words: "DB shop" })).toEqual(["orders/db"]);
    expect(secretsOf({ state: "any" })).toEqual(["orders/db", "mail"]);
    expect(secretsOf({ state: "overdue" })).toEqual(["orders/db"]);
    expect(secretsOf({ owner: "finance" })).toEqual(["billing/db"]);
  });

  test("of runs: those of such secrets, and what runs although nobody has looked at it yet", () => {
    expect(runsOf({ words: "orders" })).toEqual(["r1", "r3"]);
    expect(runsOf({ words: "finance" })).toEqual(["r2"]);
    expect(runsOf({ outcome: "ROLLED_BACK" })).toEqual(["r2"]);
    expect(runsOf({ outcome: "RUNNING" })).toEqual(["r3"]);
    expect(runsOf({ state: "frozen" })).toEqual(["r4"]);
    expect(runsOf({ owner: "shop" })).toEqual(["r1", "r3"]);
  });

  test("is counted by outcome, and what is not known yet is not counted", () => {
    expect([...countOutcomes(runs)]).toEqual([
      ["SUCCEEDED", 1],
      ["ROLLED_BACK", 1],
      ["RUNNING", 1],
    ]);
  });
});
