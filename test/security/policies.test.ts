import { afterAll, describe, expect, test } from "vitest";
import { RotationError } from "../../core/errors.ts";
import { parsePolicies } from "../../core/policies.ts";
import { policy } from "../../core/policy.ts";
import { CONTROLS, counted, TEXTS } from "./payloads.ts";
import { fieldsOf } from "./schema-fields.ts";

const ALL = { ...TEXTS, ...CONTROLS };

/**
 * Texts of a policy that may be anything here, and who judges them then. Each reaches people only by core/notifications, which takes
 * out control characters: test/notifications/build-notification.test.ts.
 */
const FREE: Readonly<Record<string, string>> = {
  secretId: "core/check-policies.ts, before anything is deployed; found at all only where a secret has that name",
  strategy: "core/strategies/registry.ts: there is one of that name, or none",
  "rehearsal.secretId": "as secretId",
  "rehearsal.override.by": "told to people",
  "rehearsal.override.reason": "told to people",
  "managedRotation.declined": "nobody: it only has to be there",
  administratorSecretId: "as secretId; compared with masterarn",
  rotationFunctionArn: "core/check-rotation-function.ts, before anything is deployed",
  kmsKeyArn: "core/key-arn.ts, before anything is deployed",
  administratorKmsKeyArn: "core/key-arn.ts, before anything is deployed",
  "rotationRules.scheduleExpression": "core/rotation-rules.ts, before anything is deployed",
  "rotationRules.duration": "core/rotation-rules.ts, before anything is deployed",
  "freezes[].reason": "told to people",
  "dependents[].kind": "core/dependents/registry.ts: there is one of that name, or none",
  "dependents[].target": "its kind's own schema: ssrf.test.ts",
  "dependents[].application":
    "compared with what the target says, and told to people with the evidence: core/confirm-evidence.ts",
  "password.excludeCharacters": "taken out of what is chosen from",
};

const fields = fieldsOf(policy).filter(({ kind }) => ["string", "unknown"].includes(kind));
let runs = 0;
afterAll(() => counted("texts of policies", { fields: fields.length, payloads: Object.keys(ALL).length, runs }));

test("every text that may be anything is a field of the schema", () => {
  expect(Object.keys(FREE).filter((path) => !fields.some((field) => field.path === path))).toEqual([]);
});

describe.each(fields.map(({ path }) => path))("%s", (path) => {
  test("stands in a policy that is not refused for anything else", () => {
    expect(refusal([wholeAround(path)])?.message).toBeUndefined();
  });

  test("takes what it is for, and is refused by its name otherwise; no value is repeated", () => {
    for (const [what, text] of Object.entries(ALL)) {
      runs += 1;
      const refused = refusal(policyWith(path, text));
      if (refused === undefined) {
        // An ordinary name is one everywhere.
        const isKnown = path in FREE || /^[\w.-]{1,64}$/.test(text);
        expect([what, isKnown]).toEqual([what, true]);
        continue;
      }
      expect([what, refused.name]).toEqual([what, "ConfigurationInvalid"]);
      expect(refused.message).toContain(nameIn(path));
      if (text.length > 12 && path !== "schedule") expect(refused.message).not.toContain(text);
      expect(refused.message).not.toMatch(/[\p{Cc}\u2028\u2029\u202e]/u);
    }
  });

  if (path in FREE) return;

  test("takes no control character", () => {
    for (const [what, text] of Object.entries(CONTROLS)) {
      expect([what, refusal(policyWith(path, text))?.name]).toEqual([what, "ConfigurationInvalid"]);
    }
  });
});

describe("a policy", () => {
  const deep = (levels: number) => JSON.parse("[".repeat(levels) + "]".repeat(levels)) as unknown;

  test.each([5000, 100_000])("of which a field is %i levels deep is refused by that field's name", (levels) => {
    for (const { path } of fieldsOf(policy).filter(({ kind }) => kind !== "unknown")) {
      const refused = refusal(policyWith(path, deep(levels)));
      expect(refused?.name).toBe("ConfigurationInvalid");
      expect(refused?.message).toContain(nameIn(path));
    }
    expect(refusal([{ ...base, more: deep(levels) }])?.message).toContain('no field "more"');
    expect(refusal(deep(levels))?.name).toBe("ConfigurationInvalid");
  });

  test.each(["__proto__", "constructor", "prototype", "toString"])("with a key %s pollutes nothing", (key) => {
    const [first] = JSON.parse(`[{"${key}":{"polluted":"yes","mode":"observed"}}]`) as object[];
    const tampered = Object.defineProperties({ ...base }, Object.getOwnPropertyDescriptors(first));

    const refused = refusal([tampered]);

    expect(refused).toMatchObject({
      name: "ConfigurationInvalid",
      message: expect.stringContaining(`no field "${key}"`),
    });
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
  });
});

const base = { secretId: "orders/db", strategy: "postgres-single-user", mode: "driven" } as const;

function refusal(input: unknown): RotationError | undefined {
  try {
    parsePolicies(input);
    return undefined;
  } catch (error) {
    if (error instanceof RotationError) return error;
    throw error;
  }
}

/** A policy that is valid, and has all that stands around the field at `path`. */
function wholeAround(path: string): Record<string, unknown> {
  return structuredClone({
    ...base,
    ...(path.startsWith("dependents") && {
      dependents: [{ name: "api", kind: "http-endpoint", application: "api", target: {} }],
    }),
    ...(path.startsWith("rehearsal.") && {
      rehearsal: { accounts: ["111122223333"], override: { by: "a", reason: "b", until: "2027-01-01T00:00:00Z" } },
    }),
    ...(path.startsWith("freezes") && {
      freezes: [{ from: "2026-12-20T00:00:00Z", to: "2026-12-21T00:00:00Z", reason: "x" }],
    }),
    ...(path.startsWith("windows") && { windows: [{ days: ["MON"], from: "02:00", to: "04:00", timeZone: "UTC" }] }),
    ...(path.startsWith("rotationRules") && {
      mode: "native",
      rotationRules: { scheduleExpression: "rate(30 days)", duration: "4h" },
    }),
  });
}

/** A list of one policy that is valid but for the field at `path`. */
function policyWith(path: string, value: unknown): unknown {
  const whole = wholeAround(path);
  let at: Record<string, unknown> | unknown[] = whole;
  const keys = path.split(/\.|(?=\[\])/);
  for (const [index, key] of keys.entries()) {
    const name = key === "[]" ? 0 : key;
    if (index === keys.length - 1) (at as Record<string | number, unknown>)[name] = value;
    else {
      const next = (at as Record<string | number, unknown>)[name] ?? (keys[index + 1] === "[]" ? [] : {});
      (at as Record<string | number, unknown>)[name] = next;
      at = next as Record<string, unknown>;
    }
  }
  return [whole];
}

/** As core/config-field.ts writes it, without what comes before but the dot: "to" is a word in many messages. */
function nameIn(path: string): string {
  const keys = path.replaceAll("[]", "").replaceAll("{}", "").split(".");
  return `${keys.length > 1 ? "." : ""}${keys.at(-1)}`;
}
