import { describe, expect, test } from "vitest";
import { confirmEvidence, type EvidenceToConfirm } from "../../core/confirm-evidence.ts";

const SINCE = new Date("2026-03-01T03:00:00.000Z");
const BEFORE = new Date("2026-03-01T02:59:59.999Z");
const AFTER = new Date("2026-03-01T03:00:41.000Z");

const ORDERS = { name: "orders-api", application: "orders", evidence: "strong", required: true } as const;

function session(begunAt: Date, application = "orders") {
  return { application, address: "10.0.0.7", begunAt };
}

function confirm({
  dependent = ORDERS,
  strength,
  sessions,
}: {
  dependent?: EvidenceToConfirm["dependents"][number];
  strength?: "strong" | "claimed" | "weak" | "none";
  sessions: EvidenceToConfirm["sessions"];
}) {
  const seen = strength === undefined ? [] : [{ dependent: dependent.name, strength, seen: "it answered" }];
  const { evidence, missing } = confirmEvidence({ dependents: [dependent], seen, sessions, since: SINCE });
  return { strength: evidence[0]?.strength, seen: evidence[0]?.seen, missing };
}

describe("confirmEvidence", () => {
  test.each(["claimed", "weak"] as const)("makes %s strong when a session began since", (strength) => {
    expect(confirm({ strength, sessions: [session(AFTER)] })).toEqual({
      strength: "strong",
      seen: 'it answered; the target saw "orders" sign in at 2026-03-01T03:00:41.000Z',
      missing: [],
    });
  });

  test("counts a session that began at the very moment", () => {
    expect(confirm({ strength: "claimed", sessions: [session(SINCE)] }).strength).toBe("strong");
  });

  test("names the newest of several sessions", () => {
    const sessions = [session(BEFORE), session(SINCE), session(AFTER), session(SINCE)];

    expect(confirm({ strength: "claimed", sessions }).seen).toContain(AFTER.toISOString());
  });

  test.each([
    ["older sessions only", [session(BEFORE)], "only older sessions of it are open"],
    ["no session", [], "it has no session"],
    ["sessions of others only", [session(AFTER, "billing"), session(AFTER, "orders-probe")], "it has no session"],
    ["a target that cannot tell", undefined, "the target cannot tell who has signed in"],
  ])("makes a claim weak with %s, says why, and misses the dependent", (_, sessions, why) => {
    const confirmed = confirm({ strength: "claimed", sessions });

    expect(confirmed).toMatchObject({ strength: "weak", missing: ["orders-api"] });
    expect(confirmed.seen).toContain(why);
  });

  test("confirms nothing where the policy names no application, not even by sessions without a name", () => {
    const dependent = { name: "orders-api", evidence: "weak", required: true } as const;

    expect(confirm({ dependent, strength: "claimed", sessions: [session(AFTER, "")] })).toMatchObject({
      strength: "weak",
      missing: [],
    });
  });

  test("leaves alone what was observed by somebody else than the dependent", () => {
    expect(confirm({ strength: "strong", sessions: undefined })).toEqual({
      strength: "strong",
      seen: "it answered",
      missing: [],
    });
  });

  test.each(["none", undefined] as const)(
    "does not let a session alone speak for a dependent seen as %s",
    (strength) => {
      expect(confirm({ strength, sessions: [session(AFTER)] })).toMatchObject({
        strength: "none",
        missing: ["orders-api"],
      });
    },
  );

  test("misses a required dependent that was not seen, also where weak evidence would do", () => {
    const dependent = { ...ORDERS, evidence: "weak" } as const;

    expect(confirm({ dependent, strength: "none", sessions: [] }).missing).toEqual(["orders-api"]);
    expect(confirm({ dependent, strength: "weak", sessions: [] }).missing).toEqual([]);
  });

  test("never misses an optional dependent", () => {
    const dependent = { ...ORDERS, required: false };

    for (const strength of ["none", "weak", "claimed"] as const) {
      expect(confirm({ dependent, strength, sessions: [] }).missing).toEqual([]);
    }
  });

  test("gives one entry for each dependent, in the policy's order, and leaves no claim", () => {
    const dependents = ["c", "a", "b"].map((name) => ({ ...ORDERS, name, application: name }));
    const seen = ["a", "b", "stranger"].map((dependent) => ({ dependent, strength: "claimed" as const, seen: "" }));

    const { evidence, missing } = confirmEvidence({
      dependents,
      seen,
      sessions: [session(AFTER, "b")],
      since: SINCE,
    });

    expect(evidence.map(({ dependent, strength }) => [dependent, strength])).toEqual([
      ["c", "none"],
      ["a", "weak"],
      ["b", "strong"],
    ]);
    expect(missing).toEqual(["c", "a"]);
  });
});
