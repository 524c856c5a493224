import { describe, expect, test } from "vitest";
import { confirmEvidence, type EvidenceToConfirm } from "../../core/confirm-evidence.ts";

const SINCE = new Date("2026-03-01T03:00:00.000Z");
const BEFORE = new Date("2026-03-01T02:59:59.999Z");
const AFTER = new Date("2026-03-01T03:00:41.000Z");

const ORDERS = { name: "orders-api", application: "orders", evidence: "strong", required: true } as const;

function session(begunAt: Date, application = "orders", address = "10.0.0.7") {
  return { application, address, begunAt };
}

function confirm({
  dependent = ORDERS,
  strength,
  ...asked
}: {
  dependent?: EvidenceToConfirm["dependents"][number];
  strength?: "strong" | "claimed" | "weak" | "none";
} & Pick<EvidenceToConfirm, "sessions" | "sessionsBefore">) {
  const seen = strength === undefined ? [] : [{ dependent: dependent.name, strength, seen: "it answered" }];
  const { evidence, missing } = confirmEvidence({ dependents: [dependent], seen, since: SINCE, ...asked });
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

describe("confirmEvidence of a dependent that is judged by all of its sessions", () => {
  const judged = (stragglers: "refuse" | "report") => ({
    ...ORDERS,
    kind: "database-sessions",
    target: { stragglers },
  });
  const signedIn = 'the target saw "orders" sign in at 2026-03-01T03:00:41.000Z';

  test.each([
    [
      "an older session",
      [session(AFTER), session(BEFORE)],
      [],
      "one open session is older than the promotion, from 10.0.0.7",
    ],
    [
      "a session of the user before",
      [session(AFTER)],
      [session(AFTER)],
      "one open session is the user's before, from 10.0.0.7",
    ],
    [
      "a user before that could not be asked",
      [session(AFTER)],
      "unknown" as const,
      "it could not be asked who is still signed in as the user before",
    ],
  ])("with %s: refuses it, or reports it", (_, sessions, sessionsBefore, fact) => {
    const seen = `it answered; ${signedIn}; ${fact}`;

    expect(confirm({ dependent: judged("refuse"), strength: "weak", sessions, sessionsBefore })).toEqual({
      strength: "weak",
      seen,
      missing: ["orders-api"],
    });
    expect(confirm({ dependent: judged("report"), strength: "weak", sessions, sessionsBefore })).toEqual({
      strength: "strong",
      seen,
      missing: [],
    });
  });

  test("names older sessions once where there is no new one", () => {
    expect(confirm({ dependent: judged("refuse"), strength: "weak", sessions: [session(BEFORE)] }).seen).toBe(
      'it answered; the target has not seen "orders" sign in since 2026-03-01T03:00:00.000Z: only older sessions of it are open, from 10.0.0.7',
    );
  });

  test("is strong with new sessions of its own alone, whoever else is behind", () => {
    const sessions = [session(AFTER), session(SINCE), session(BEFORE, "billing")];
    const sessionsBefore = [session(AFTER, "billing")];

    expect(confirm({ dependent: judged("refuse"), strength: "weak", sessions, sessionsBefore })).toEqual({
      strength: "strong",
      seen: `it answered; ${signedIn}`,
      missing: [],
    });
  });

  test.each(["refuse", "report"] as const)(
    "with sessions of the user before alone is weak (%s), and they are named",
    (stragglers) => {
      const confirmed = confirm({
        dependent: judged(stragglers),
        strength: "weak",
        sessions: [],
        sessionsBefore: [session(BEFORE), session(AFTER)],
      });

      expect(confirmed).toMatchObject({ strength: "weak", missing: ["orders-api"] });
      expect(confirmed.seen).toContain("it has no session; 2 open sessions are the user's before, from 10.0.0.7");
    },
  );

  test("names each address once, five of them, and says how many more there are", () => {
    const addresses = ["10.0.0.1", "10.0.0.1", "", "10.0.0.3", "10.0.0.4", "10.0.0.5", "10.0.0.6", "10.0.0.7"];
    const older = addresses.map((address) => session(BEFORE, "orders", address));

    expect(
      confirm({ dependent: judged("report"), strength: "weak", sessions: [session(AFTER), ...older] }).seen,
    ).toContain(
      "8 open sessions are older than the promotion, from 10.0.0.1, the target's own machine, 10.0.0.3, 10.0.0.4, 10.0.0.5 and 2 more",
    );
  });
});
