import { access } from "node:fs/promises";
import { expect, test } from "vitest";
import { readTarget } from "../../core/dependent-target.ts";
import * as all from "../../core/dependents/index.ts";
import { findKind, kindNames } from "../../core/dependents/registry.ts";

test("every exported kind is found by its name", () => {
  for (const kind of Object.values(all)) {
    expect(findKind(kind.kind)).toBe(kind);
  }
  expect(kindNames).toHaveLength(Object.keys(all).length);
});

test("a name that no kind has finds nothing", () => {
  expect(findKind("toString")).toBeUndefined();
});

test("a dependent of a kind that there is not is told which there are", () => {
  const dependent = { name: "orders", kind: "http-endpont", target: {}, evidence: "strong", required: true } as const;
  expect(() => readTarget(dependent)).toThrow(
    `Dependent orders: there is no kind "http-endpont"; there are: ${kindNames.join(", ")}.`,
  );
});

test.each(kindNames)("%s has a file of its name", async (name) => {
  await access(new URL(`../../core/dependents/${name}.ts`, import.meta.url));
});
