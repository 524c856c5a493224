import { randomUUID } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { refusal, withSecret } from "./secretsmanager-harness.ts";

const v2 = randomUUID();
const v3 = randomUUID();

test("the labels of a driven rotation move as recorded on AWS, and AWSPENDING stays on the new AWSCURRENT", () => {
  const { put, stage, labels, v1 } = withSecret();
  const names = { v1, v2, v3 };
  expect(labels("db", names)).toEqual({ v1: ["AWSCURRENT"] });

  put({ SecretId: "db", ClientRequestToken: v2, SecretString: "value-2", VersionStages: ["AWSPENDING"] });
  expect(labels("db", names)).toEqual({ v1: ["AWSCURRENT"], v2: ["AWSPENDING"] });

  stage({ SecretId: "db", VersionStage: "AWSCURRENT", RemoveFromVersionId: v1, MoveToVersionId: v2 });
  expect(labels("db", names)).toEqual({ v1: ["AWSPREVIOUS"], v2: ["AWSCURRENT", "AWSPENDING"] });

  put({ SecretId: "db", ClientRequestToken: v3, SecretString: "value-3", VersionStages: ["AWSPENDING"] });
  expect(labels("db", names)).toEqual({ v1: ["AWSPREVIOUS"], v2: ["AWSCURRENT"], v3: ["AWSPENDING"] });

  stage({ SecretId: "db", VersionStage: "AWSCURRENT", RemoveFromVersionId: v2, MoveToVersionId: v3 });
  expect(labels("db", names)).toEqual({ v2: ["AWSPREVIOUS"], v3: ["AWSCURRENT", "AWSPENDING"] });
});

test("a write that takes AWSCURRENT from a version drops the AWSPENDING left on it", () => {
  const { put, stage, labels, v1 } = withSecret();
  put({ SecretId: "db", ClientRequestToken: v2, SecretString: "value-2", VersionStages: ["AWSPENDING"] });
  stage({ SecretId: "db", VersionStage: "AWSCURRENT", RemoveFromVersionId: v1, MoveToVersionId: v2 });
  put({ SecretId: "db", ClientRequestToken: v3, SecretString: "value-3" });
  expect(labels("db", { v1, v2, v3 })).toEqual({ v2: ["AWSPREVIOUS"], v3: ["AWSCURRENT"] });
});

test("moving AWSCURRENT back leaves AWSPENDING behind, on a version that is not current", () => {
  const { put, stage, labels, v1 } = withSecret();
  put({ SecretId: "db", ClientRequestToken: v2, SecretString: "value-2", VersionStages: ["AWSPENDING"] });
  stage({ SecretId: "db", VersionStage: "AWSCURRENT", RemoveFromVersionId: v1, MoveToVersionId: v2 });
  stage({ SecretId: "db", VersionStage: "AWSCURRENT", RemoveFromVersionId: v2, MoveToVersionId: v1 });
  expect(labels("db", { v1, v2 })).toEqual({ v1: ["AWSCURRENT"], v2: ["AWSPENDING", "AWSPREVIOUS"] });
});

test("rolled back by hand, AWSPENDING first: the old version is AWSCURRENT again, and the new one AWSPREVIOUS alone", () => {
  const { put, stage, labels, v1 } = withSecret();
  put({ SecretId: "db", ClientRequestToken: v2, SecretString: "value-2", VersionStages: ["AWSPENDING"] });
  stage({ SecretId: "db", VersionStage: "AWSCURRENT", RemoveFromVersionId: v1, MoveToVersionId: v2 });
  stage({ SecretId: "db", VersionStage: "AWSPENDING", RemoveFromVersionId: v2 });
  expect(labels("db", { v1, v2 })).toEqual({ v1: ["AWSPREVIOUS"], v2: ["AWSCURRENT"] });
  stage({ SecretId: "db", VersionStage: "AWSCURRENT", RemoveFromVersionId: v2, MoveToVersionId: v1 });
  expect(labels("db", { v1, v2 })).toEqual({ v1: ["AWSCURRENT"], v2: ["AWSPREVIOUS"] });
});

test("a label has 1 to 256 characters, in a write and in a move", () => {
  const { put, stage, labels, v1 } = withSecret();
  const label = "L".repeat(256);
  stage({ SecretId: "db", VersionStage: label, MoveToVersionId: v1 });
  expect(labels("db", { v1 })).toEqual({ v1: ["AWSCURRENT", label] });
  for (const wrong of ["", `${label}L`]) {
    const write = { SecretId: "db", ClientRequestToken: v2, SecretString: "2", VersionStages: [wrong] };
    expect(refusal(() => put(write)).name).toBe("ValidationException");
    expect(refusal(() => stage({ SecretId: "db", VersionStage: wrong, MoveToVersionId: v1 })).name).toBe(
      "ValidationException",
    );
  }
});

test("a version written without labels becomes AWSCURRENT, the old one AWSPREVIOUS, and the one before is unlabelled", () => {
  const { put, labels, v1 } = withSecret();
  put({ SecretId: "db", ClientRequestToken: v2, SecretString: "value-2" });
  expect(labels("db", { v1, v2 })).toEqual({ v1: ["AWSPREVIOUS"], v2: ["AWSCURRENT"] });
  put({ SecretId: "db", ClientRequestToken: v3, SecretString: "value-3" });
  expect(labels("db", { v1, v2, v3 })).toEqual({ v2: ["AWSPREVIOUS"], v3: ["AWSCURRENT"] });
});

test("UpdateSecret always moves AWSCURRENT to its value, and changes no version when it has none", () => {
  const { update, describe, labels, v1 } = withSecret();
  update({ SecretId: "db", ClientRequestToken: v2, SecretString: "value-2" });
  expect(labels("db", { v1, v2 })).toEqual({ v1: ["AWSPREVIOUS"], v2: ["AWSCURRENT"] });
  expect(update({ SecretId: "db", ClientRequestToken: v3, Description: "orders" })).not.toHaveProperty("VersionId");
  expect(labels("db", { v1, v2 })).toEqual({ v1: ["AWSPREVIOUS"], v2: ["AWSCURRENT"] });
  expect(describe({ SecretId: "db" }).Description).toBe("orders");
});

test("a custom label stays with its version, and a later version that names it takes it", () => {
  const { put, labels, v1 } = withSecret();
  put({
    SecretId: "db",
    ClientRequestToken: v2,
    SecretString: "2",
    VersionStages: ["AWSCURRENT", "PUT0", "AWSSOMETHING"],
  });
  put({ SecretId: "db", ClientRequestToken: v3, SecretString: "3" });
  expect(labels("db", { v1, v2, v3 })).toEqual({ v2: ["AWSPREVIOUS", "AWSSOMETHING", "PUT0"], v3: ["AWSCURRENT"] });
  const v4 = randomUUID();
  put({ SecretId: "db", ClientRequestToken: v4, SecretString: "4" });
  expect(labels("db", { v2, v3, v4 })).toMatchObject({ v2: ["AWSSOMETHING", "PUT0"] });
  put({ SecretId: "db", ClientRequestToken: randomUUID(), SecretString: "5", VersionStages: ["PUT0"] });
  expect(labels("db", { v2, v4 })).toMatchObject({ v2: ["AWSSOMETHING"], v4: ["AWSCURRENT"] });
});

test("a label is not moved from a version that the caller did not name", () => {
  const { put, stage, labels, v1 } = withSecret();
  put({ SecretId: "db", ClientRequestToken: v2, SecretString: "2", VersionStages: ["AWSPENDING"] });
  expect(refusal(() => stage({ SecretId: "db", VersionStage: "AWSCURRENT", MoveToVersionId: v2 }))).toEqual({
    name: "InvalidParameterException",
    message: `The parameter RemoveFromVersionId can't be empty. Staging label AWSCURRENT is currently attached to version ${v1}, so you must explicitly reference that version in RemoveFromVersionId.`,
  });
  expect(labels("db", { v1, v2 })).toEqual({ v1: ["AWSCURRENT"], v2: ["AWSPENDING"] });
});

test("a label that is not on RemoveFromVersionId is refused, whether it is elsewhere or nowhere", () => {
  const { put, stage, labels, v1 } = withSecret();
  put({ SecretId: "db", ClientRequestToken: v2, SecretString: "2", VersionStages: ["MINE"] });
  const elsewhere = { SecretId: "db", VersionStage: "AWSCURRENT", RemoveFromVersionId: v2, MoveToVersionId: v2 };
  expect(refusal(() => stage(elsewhere)).name).toBe("InvalidParameterException");
  const nowhere = { SecretId: "db", VersionStage: "AWSPENDING", RemoveFromVersionId: v2 };
  expect(refusal(() => stage(nowhere)).name).toBe("InvalidParameterException");
  const unknown = { SecretId: "db", VersionStage: "MINE", RemoveFromVersionId: v2, MoveToVersionId: v3 };
  expect(refusal(() => stage(unknown)).name).toBe("ResourceNotFoundException");
  expect(labels("db", { v1, v2 })).toEqual({ v1: ["AWSCURRENT"], v2: ["MINE"] });
});

test("AWSCURRENT cannot be taken off, only moved", () => {
  const { stage, labels, v1 } = withSecret();
  expect(refusal(() => stage({ SecretId: "db", VersionStage: "AWSCURRENT", RemoveFromVersionId: v1 }))).toEqual({
    name: "InvalidParameterException",
    message:
      "You can only move staging label AWSCURRENT to a different secret version. It can’t be completely removed.",
  });
  expect(labels("db", { v1 })).toEqual({ v1: ["AWSCURRENT"] });
});

test("a label that is nowhere is attached without RemoveFromVersionId, and one that is there already stays", () => {
  const { put, stage, labels, labelEvents, v1 } = withSecret();
  put({ SecretId: "db", ClientRequestToken: v2, SecretString: "2", VersionStages: ["MINE"] });
  const attach = { SecretId: "db", VersionStage: "AWSPENDING", MoveToVersionId: v2 };
  stage(attach);
  stage(attach);
  expect(labels("db", { v1, v2 })).toEqual({ v1: ["AWSCURRENT"], v2: ["AWSPENDING", "MINE"] });
  const before = labelEvents().length;
  stage({ SecretId: "db", VersionStage: "AWSCURRENT", MoveToVersionId: v1 });
  expect(labels("db", { v1, v2 })).toEqual({ v1: ["AWSCURRENT"], v2: ["AWSPENDING", "MINE"] });
  expect(labelEvents()).toHaveLength(before);
});

test("a version that loses its last label is deprecated: listed on request only", () => {
  const { put, stage, versions, describe, v1 } = withSecret();
  put({ SecretId: "db", ClientRequestToken: v2, SecretString: "2", VersionStages: ["MINE"] });
  stage({ SecretId: "db", VersionStage: "MINE", RemoveFromVersionId: v2 });
  expect(describe({ SecretId: "db" }).VersionIdsToStages).toEqual({ [v1]: ["AWSCURRENT"] });
  const ids = (input: object) =>
    versions({ SecretId: "db", ...input }).Versions.map((v: { VersionId: string }) => v.VersionId);
  expect(ids({})).toEqual([v1]);
  expect(ids({ IncludeDeprecated: true })).toEqual([v1, v2]);
});

test("a secret carries at most 20 labels, and a refused write stores nothing", () => {
  const { put, stage, versions, v1 } = withSecret();
  const eighteen = Array.from({ length: 18 }, (_, i) => `L${i}`);
  put({ SecretId: "db", ClientRequestToken: v2, SecretString: "2", VersionStages: eighteen });
  stage({ SecretId: "db", VersionStage: "L18", MoveToVersionId: v2 });
  expect(refusal(() => stage({ SecretId: "db", VersionStage: "L19", MoveToVersionId: v2 })).name).toBe(
    "LimitExceededException",
  );
  const write = { SecretId: "db", ClientRequestToken: v3, SecretString: "3" };
  expect(refusal(() => put(write)).name).toBe("LimitExceededException"); // AWSPREVIOUS would be the 21st
  expect(versions({ SecretId: "db", IncludeDeprecated: true }).Versions).toHaveLength(2);
  stage({ SecretId: "db", VersionStage: "AWSCURRENT", MoveToVersionId: v1 }); // already so: no label more
});

test("no sequence of label operations breaks: known versions, always an AWSCURRENT, at most 20 labels, refusals change nothing", () => {
  const ids = Array.from({ length: 4 }, () => randomUUID());
  const id = fc.constantFrom(...ids);
  const label = fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom("AWSCURRENT", "AWSPENDING", "AWSPREVIOUS") },
    { weight: 1, arbitrary: fc.integer({ min: 0, max: 25 }).map((n) => `L${n}`) },
  );
  const operation = fc.oneof(
    fc.record({
      kind: fc.constant("put" as const),
      ClientRequestToken: id,
      SecretString: fc.constantFrom("a", "b"),
      VersionStages: fc.option(fc.uniqueArray(label, { minLength: 1, maxLength: 8 }), { nil: undefined }),
    }),
    fc.record({
      kind: fc.constant("stage" as const),
      VersionStage: label,
      RemoveFromVersionId: fc.option(id, { nil: undefined }),
      MoveToVersionId: fc.option(id, { nil: undefined }),
    }),
  );
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 60 }), (operations) => {
      const { put, stage, describe, v1 } = withSecret();
      const stagesNow = (): Record<string, string[]> => describe({ SecretId: "db" }).VersionIdsToStages;
      for (const { kind, ...input } of operations) {
        const before = stagesNow();
        const current = Object.keys(before).find((version) => before[version]?.includes("AWSCURRENT"));
        let refused = false;
        try {
          (kind === "put" ? put : stage)({ SecretId: "db", ...input });
        } catch {
          refused = true;
        }
        const after = stagesNow();
        if (refused) expect(after).toEqual(before);
        const all = Object.values(after).flat();
        expect(all.length).toBeLessThanOrEqual(20);
        expect(new Set(all).size).toBe(all.length);
        expect(all).toContain("AWSCURRENT");
        expect([v1, ...ids]).toEqual(expect.arrayContaining(Object.keys(after)));
        if (!after[current ?? ""]?.includes("AWSCURRENT")) expect(after[current ?? ""]).toContain("AWSPREVIOUS");
      }
    }),
    { numRuns: 150 },
  );
});
