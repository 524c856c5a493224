import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { RotationError } from "../../core/errors.ts";
import { type Policy, type PolicyInput, parsePolicies } from "../../core/policies.ts";
import { checkRehearsed, definitionDigest, REHEARSAL_TAG, rehearsalDigest } from "../../core/rehearsal.ts";

const DAY = 24 * 60 * 60 * 1000;
const NOW = Date.parse("2026-01-15T12:00:00Z");
const definition = definitionDigest('{"States": {}}');
const dependent = { name: "api", kind: "http-endpoint", target: { verify: "https://a" }, application: "api" };
const entry: PolicyInput = {
  secretId: "orders/db",
  strategy: "postgres-single-user",
  mode: "driven",
  dependents: [dependent],
};

describe("the digest of a rehearsal", () => {
  test("does not depend on what differs between two deployments of the same", () => {
    const name = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,20}$/);
    const address = fc.webUrl();
    const elsewhere = fc.record({
      secretId: name,
      owner: fc.option(name, { nil: undefined }),
      runbook: fc.option(fc.constant("https://runbooks.example.com/orders"), { nil: undefined }),
      schedule: fc.constantFrom(undefined, "rate(7 days)", "cron(0 3 ? * SUN *)"),
      windows: fc.constantFrom<PolicyInput["windows"][]>(
        [],
        [{ timeZone: "Europe/Vienna", from: "02:00", to: "04:00" }],
      ),
      freezes: fc.constantFrom<PolicyInput["freezes"][]>(
        [],
        [{ from: "2026-12-20T00:00:00Z", to: "2027-01-02T00:00:00Z", reason: "year end" }],
      ),
      outsideWindow: fc.constantFrom("wait" as const, "refuse" as const),
      rehearses: fc.boolean(),
      rehearsal: fc.constantFrom<PolicyInput["rehearsal"][]>(undefined, { accounts: ["111111111111"], maxAgeDays: 3 }),
      managedRotation: fc.constantFrom(undefined, { declined: "it is no master user" }),
      retryAfterRollbackSeconds: fc.nat(86_400),
      dependents: fc.uniqueArray(fc.record({ name, application: name, address }), {
        minLength: 2,
        maxLength: 2,
        selector: (each) => each.name,
      }),
      reversed: fc.boolean(),
    });
    type Elsewhere = typeof elsewhere extends fc.Arbitrary<infer T> ? T : never;
    const digestOf = ({ dependents, reversed, ...rest }: Elsewhere) => {
      const kinds = [{ evidence: "strong" as const }, { evidence: "weak" as const, required: false }];
      const all = dependents.map(({ address, ...each }, n) => ({
        ...each,
        ...kinds[n],
        kind: "http-endpoint",
        target: { verify: address },
      }));
      return digest({ ...rest, dependents: reversed ? all.toReversed() : all });
    };
    fc.assert(
      fc.property(elsewhere, elsewhere, (one, other) => {
        expect(digestOf(one)).toBe(digestOf(other));
      }),
    );
  });

  test("does not depend on the order in which a policy's fields are written", () => {
    const verify = { intervalSeconds: 5, deadlineSeconds: 60 };
    const password = { length: 40, excludePunctuation: false };
    const other = {
      password: { excludePunctuation: false, length: 40 },
      verify: { deadlineSeconds: 60, intervalSeconds: 5 },
    };
    expect(digest({ verify, password })).toBe(digest(other));
  });

  test.each<[what: string, change: Partial<PolicyInput>]>([
    ["the mode", { mode: "native" }],
    ["the strategy", { strategy: "postgres-alternating-users" }],
    ["the pause between two looks", { verify: { intervalSeconds: 11 } }],
    ["the deadline", { verify: { deadlineSeconds: 301 } }],
    ["what is done with a dependent that does not follow", { whenUnhealthy: "keep-new" }],
    ["the soak", { soakSeconds: 1 }],
    ["the length of passwords", { password: { length: 33 } }],
    ["the characters of passwords", { password: { excludePunctuation: false } }],
    ["the characters that passwords leave out", { password: { excludeCharacters: "0O" } }],
    ["the evidence that is wanted", { dependents: [{ ...dependent, evidence: "weak" }] }],
    ["whether a dependent is required", { dependents: [{ ...dependent, required: false }] }],
    ["the kind of a dependent", { dependents: [{ ...dependent, kind: "ecs" }] }],
    ["the number of dependents", { dependents: [dependent, { ...dependent, name: "web" }] }],
  ])("depends on %s", (_what, change) => {
    expect(digest(change)).not.toBe(digest({}));
  });

  test("depends on the workflow, whose white space does not count", () => {
    const of = (text: string) => rehearsalDigest(parse({}), definitionDigest(text));
    expect(of('{"States":{"A":1}}')).toBe(of('{ "States": {\n "A": 1 } }\n'));
    expect(of('{"States":{"A":1}}')).not.toBe(of('{"States":{"A":2}}'));
  });

  test("is what an event and a tag may carry", () => {
    expect(digest({})).toMatch(/^[0-9a-f]{32}$/);
  });
});

describe("a rotation is let go ahead", () => {
  const rehearsal = { accounts: ["111111111111"], maxAgeDays: 7 };

  test("where no rehearsal is required", () => {
    expect(check({}, {})).toBe("rehearsed");
  });

  test.each<[what: string, agoMs: number, expected: string]>([
    ["just now", 0, "rehearsed"],
    ["exactly as long ago as it may be", 7 * DAY, "rehearsed"],
    ["a millisecond longer ago", 7 * DAY + 1, "RehearsalMissing"],
    ["by a clock that is an hour ahead", -DAY / 24, "rehearsed"],
    ["by a clock that is further ahead", -DAY / 24 - 1, "RehearsalMissing"],
  ])("by the age of its rehearsal, which was %s", (_what, agoMs, expected) => {
    const value = `${new Date(NOW - agoMs).toISOString()} 111111111111`;
    expect(check({ rehearsal }, { [REHEARSAL_TAG + digest({ rehearsal })]: value })).toBe(expected);
  });

  test("not by a tag that tells no time, nor by one of another digest", () => {
    const own = REHEARSAL_TAG + digest({ rehearsal });
    expect(check({ rehearsal }, { [own]: "" })).toBe("RehearsalMissing");
    expect(check({ rehearsal }, { [own]: "yesterday" })).toBe("RehearsalMissing");
    const now = new Date(NOW).toISOString();
    expect(check({ rehearsal }, { [REHEARSAL_TAG + "0".repeat(32)]: now })).toBe("RehearsalMissing");
    expect(check({ rehearsal }, {})).toBe("RehearsalMissing");
  });

  test("by an override until its time is over, which is named only where it was needed", () => {
    const override = { by: "J. Doe", reason: "INC-4711", until: "2026-01-15T13:00:00+01:00" };
    const policy = { rehearsal: { ...rehearsal, override } };
    expect(check(policy, {}, NOW - 1)).toEqual({ by: "J. Doe", reason: "INC-4711" });
    expect(check(policy, {}, NOW)).toBe("RehearsalMissing");
    const tag = { [REHEARSAL_TAG + digest({})]: `${new Date(NOW - DAY).toISOString()} 111111111111` };
    expect(check(policy, tag, NOW - 1)).toBe("rehearsed");
  });

  function check(policy: Partial<PolicyInput>, tags: Record<string, string>, nowMs = NOW): unknown {
    try {
      return checkRehearsed({ name: "orders/db", tags }, parse(policy), { definition, nowMs }) ?? "rehearsed";
    } catch (error) {
      if (!(error instanceof RotationError)) throw error;
      expect(error.message).toMatch(/^orders\/db may only be rotated after a rehearsal, and .* Nothing was touched\.$/);
      return error.name;
    }
  }
});

function parse(change: Partial<PolicyInput>): Policy {
  const [policy] = parsePolicies([{ ...entry, ...change }]);
  if (policy === undefined) throw new Error("There is no policy.");
  return policy;
}

function digest(change: Partial<PolicyInput>): string {
  return rehearsalDigest(parse(change), definition);
}
