import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { SECRET_CLASSES, type SecretClass } from "../../core/classify-secret.ts";
import { decide, type SecretEvent } from "../../core/decide.ts";
import type { Decision } from "../../core/decision.ts";
import { deriveToken } from "../../core/identity.ts";
import { type Policy, type PolicyInput, parsePolicies } from "../../core/policies.ts";
import type { Secret } from "../../core/versions/secret.ts";

const arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:orders/db-AbCdEf";
const base = "eeb681b1-a07d-4aeb-9b61-1ee6590ec295";
const candidate = "3f5c2b1a-8a49-4c66-b1c7-0e5a2d9f7c11";
const gateFunctionArn = "arn:aws:lambda:eu-west-1:123456789012:function:gate";
const foreign = "arn:aws:lambda:eu-west-1:123456789012:function:theirs";
const place = { gateFunctionArn, region: "eu-west-1", nowMs: Date.parse("2026-05-04T03:02:01Z") };
const token = (kind: "ordinary" | "emergency" | "rehearsal" | "rehearsed" = "ordinary", attempt = 1) =>
  deriveToken(arn, base, attempt, kind);

const MODES = ["native", "driven", "observed"] as const;
type Mode = (typeof MODES)[number];

/** What DescribeSecret says of a secret of each class. */
const OF_CLASS: Readonly<Record<SecretClass["class"], Partial<Secret>>> = {
  managed: { owningService: "rds", rotationEnabled: true },
  "managed external": { type: "SalesforceClientSecret", rotationEnabled: true },
  "native ours": { rotationEnabled: true, rotationLambdaArn: gateFunctionArn, hasRotationRules: true },
  "native foreign": { rotationEnabled: true, rotationLambdaArn: foreign, hasRotationRules: true },
  cancelled: { rotationEnabled: false, rotationLambdaArn: gateFunctionArn, hasRotationRules: true },
  "never configured": {},
  replica: { primaryRegion: "us-east-1" },
  "pending deletion": { deleted: true },
};

function secret(is: SecretClass["class"] = "never configured", labels: Secret["labels"] = {}): Secret {
  const known = Object.keys(labels).length === 0 ? { [base]: ["AWSCURRENT"] } : labels;
  return { arn, name: "orders/db", hasRotationRules: false, deleted: false, tags: {}, labels: known, ...OF_CLASS[is] };
}

function policy(mode: Mode, more: Partial<PolicyInput> = {}): Policy {
  const dependents = [{ name: "orders", kind: "http-endpoint", target: {}, application: "orders" }];
  const known = { secretId: "orders/db", strategy: "postgres-single-user", mode, dependents };
  const [parsed] = parsePolicies([{ ...known, ...more }]);
  return parsed as Policy;
}

const requested = (more: Partial<{ attempt: number; emergency: boolean; expectedVersionId: string }> = {}) =>
  ({
    kind: "rotation-requested",
    request: { secretId: "orders/db", expectedVersionId: base, attempt: 1, emergency: false, ...more },
  }) as const satisfies SecretEvent;
const started = { kind: "rotation-started", secretId: arn, token: candidate } as const;
const moved = { kind: "current-moved", secretId: arn, versionId: candidate } as const;
const succeeded = { kind: "rotation-succeeded", secretId: arn, token: candidate } as const;
const failed = { kind: "rotation-failed", eventName: "RotationFailed", secretId: arn, token: candidate } as const;
const rehearsal = {
  kind: "rehearsal-requested",
  request: { secretId: "orders/db", expectedVersionId: base, attempt: 1 },
} as const;

const pending = { [base]: ["AWSCURRENT"], [candidate]: ["AWSPENDING"] };
const promoted = { [base]: ["AWSPREVIOUS"], [candidate]: ["AWSCURRENT"] };

/** A decision in few words, for tables. */
function inShort(decision: Decision): string {
  switch (decision.do) {
    case "ignore":
      return "ignore";
    case "start":
      return `start ${decision.mode}`;
    case "report":
      return decision.incident.kind === "request-refused"
        ? `refuse ${decision.incident.name}`
        : `report ${decision.incident.kind}`;
    default:
      return decision.do;
  }
}

describe("what an event leads to, by the secret's class and the policy's mode", () => {
  const table: readonly (readonly [SecretClass["class"], Readonly<Record<Mode, readonly [string, string, string]>>])[] =
    [
      // RotationStarted, AWSCURRENT has moved, Rotation Requested
      [
        "managed",
        {
          native: ["start native", "ignore", "refuse SecretManagedElsewhere"],
          driven: ["ignore", "ignore", "start driven"],
          observed: ["ignore", "start observed", "rotate-secret"],
        },
      ],
      [
        "managed external",
        {
          native: ["start native", "ignore", "refuse SecretManagedElsewhere"],
          driven: ["ignore", "ignore", "start driven"],
          observed: ["ignore", "start observed", "rotate-secret"],
        },
      ],
      [
        "native ours",
        {
          native: ["start native", "ignore", "rotate-secret"],
          driven: ["start native", "ignore", "rotate-secret"],
          observed: ["ignore", "start observed", "refuse SecretManagedElsewhere"],
        },
      ],
      [
        "native foreign",
        {
          native: ["start native", "ignore", "refuse ConfigurationInvalid"],
          driven: ["ignore", "ignore", "refuse ConfigurationInvalid"],
          observed: ["ignore", "start observed", "refuse SecretManagedElsewhere"],
        },
      ],
      [
        "cancelled",
        {
          native: ["start native", "ignore", "refuse RotationCancelled"],
          driven: ["ignore", "ignore", "start driven"],
          observed: ["ignore", "start observed", "refuse SecretManagedElsewhere"],
        },
      ],
      [
        "never configured",
        {
          native: ["start native", "ignore", "refuse ConfigurationInvalid"],
          driven: ["ignore", "ignore", "start driven"],
          observed: ["ignore", "start observed", "refuse SecretManagedElsewhere"],
        },
      ],
      [
        "replica",
        {
          native: ["start native", "ignore", "refuse SecretManagedElsewhere"],
          driven: ["ignore", "ignore", "start driven"],
          observed: ["ignore", "ignore", "refuse SecretManagedElsewhere"],
        },
      ],
      [
        "pending deletion",
        {
          native: ["start native", "ignore", "refuse SecretNotFound"],
          driven: ["ignore", "ignore", "start driven"],
          observed: ["ignore", "ignore", "refuse SecretManagedElsewhere"],
        },
      ],
    ];

  test("every class is in the table", () => {
    expect(table.map(([is]) => is).sort()).toEqual([...SECRET_CLASSES].sort());
  });

  test.each(table.flatMap(([is, modes]) => MODES.map((mode) => [is, mode, modes[mode]] as const)))(
    "%s, %s",
    (is, mode, wanted) => {
      const decisions = [
        decide(started, secret(is, pending), policy(mode), place),
        decide(moved, secret(is, promoted), policy(mode), place),
        decide(requested(), secret(is), policy(mode), place),
      ];
      expect(decisions.map(inShort)).toEqual(wanted);
      // RotationSucceeded says the same as the move of AWSCURRENT.
      expect(decide(succeeded, secret(is, promoted), policy(mode), place)).toEqual(decisions[1]);
    },
  );

  test.each(SECRET_CLASSES.flatMap((is) => MODES.map((mode) => [is, mode] as const)))(
    "%s, %s: what Secrets Manager reports is told, whoever rotates",
    (is, mode) => {
      const of = (event: SecretEvent) => inShort(decide(event, secret(is, pending), policy(mode), place));
      expect(of(failed)).toBe("report rotation-failed");
      expect(of({ kind: "rotation-cancelled", secretId: arn })).toBe("report rotation-cancelled");
      expect(of({ kind: "secret-deleted", secretId: arn })).toBe("report secret-deleted");
      expect(of({ kind: "repair-requested", request: { secretId: arn, token: candidate } })).toBe("repair");
    },
  );
});

test("a rotation that is turned off is said to be rolled back only where Rotor is who rotates", () => {
  const said = MODES.map((mode) => {
    const decision = decide({ kind: "rotation-cancelled", secretId: arn }, secret("cancelled"), policy(mode), place);
    return decision.do === "report" ? decision.incident.message : "";
  });
  expect(said.map((each) => each.includes("is rolled back"))).toEqual([true, true, false]);
});

describe("RotationStarted", () => {
  test("starts the execution of its token, unless the secret was rolled back a short time ago", () => {
    expect(decide(started, secret("native ours", pending), policy("native"), place)).toEqual({
      do: "start",
      mode: "native",
      token: candidate,
      unless: "recently rolled back",
    });
  });

  const { token: _token, ...nameless } = started;
  test.each<[string, SecretEvent, Secret["labels"], string | undefined]>([
    ["without a token, of the version that holds AWSPENDING", nameless, pending, candidate],
    [
      "without a token, of no version when AWSPENDING is a leftover",
      nameless,
      { [base]: ["AWSCURRENT", "AWSPENDING"] },
      undefined,
    ],
    ["without a token, of no version when AWSPENDING is nowhere", nameless, { [base]: ["AWSCURRENT"] }, undefined],
    ["late, of no version that is AWSCURRENT by now", started, promoted, undefined],
    [
      "late, of no version that was rolled back",
      started,
      { ...pending, [candidate]: ["ROTATION_ROLLED_BACK"] },
      undefined,
    ],
    [
      "with a token, of that version, whatever holds AWSPENDING: it may not be seen yet",
      { ...started, at: new Date(place.nowMs - 59_000) },
      { [base]: ["AWSCURRENT"], other: ["AWSPENDING"] },
      candidate,
    ],
    [
      "late, of no version that is gone: the gate has refused it",
      { ...started, at: new Date(place.nowMs - 60_000) },
      { [base]: ["AWSCURRENT"] },
      undefined,
    ],
  ])("%s", (_what, event, labels, wanted) => {
    const decision = decide(event, secret("native ours", labels), policy("native"), place);
    expect(decision.do === "start" ? decision.token : undefined).toBe(wanted);
  });
});

describe("the move of AWSCURRENT on an observed secret", () => {
  test.each<[string, SecretEvent, Secret["labels"], string]>([
    ["starts an execution", moved, promoted, "start observed"],
    [
      "is ignored once AWSCURRENT has moved on",
      moved,
      { [base]: ["AWSCURRENT"], [candidate]: ["AWSPREVIOUS"] },
      "ignore",
    ],
    [
      "is ignored when the promotion is our own",
      moved,
      { [base]: ["AWSPREVIOUS"], [candidate]: ["AWSCURRENT", "ROTATION_CANDIDATE"] },
      "ignore",
    ],
    [
      "is looked at twice when a rollback may be our own",
      { ...moved, versionId: base },
      { [base]: ["AWSCURRENT"], [candidate]: ["ROTATION_CANDIDATE"] },
      "start observed",
    ],
    [
      "is of AWSCURRENT where RotationSucceeded has no token",
      { kind: "rotation-succeeded", secretId: arn },
      promoted,
      "start observed",
    ],
    [
      "is of AWSCURRENT where RotationSucceeded has something else than a version's id for a token",
      { ...succeeded, token: "0b5d1c1e-0000-4000-8000-1d2c3b4a5f60" },
      promoted,
      "start observed",
    ],
    [
      "is of the token's version where the secret has it, and ignored once AWSCURRENT has moved on",
      { ...succeeded, token: base },
      promoted,
      "ignore",
    ],
    [
      "is ignored where no version is AWSCURRENT",
      { kind: "rotation-succeeded", secretId: arn },
      { [candidate]: ["BLUE"] },
      "ignore",
    ],
  ])("%s", (_what, event, labels, wanted) => {
    const decision = decide(event, secret("native foreign", labels), policy("observed"), place);
    expect(inShort(decision)).toBe(wanted);
    if (decision.do !== "start") return;
    expect(decision.unless).toBe("our own rollback");
    expect(labels[decision.token]).toContain("AWSCURRENT");
  });
});

test("an observed secret without dependents leaves nothing to do", () => {
  const decision = decide(moved, secret("native foreign", promoted), policy("observed", { dependents: [] }), place);
  expect(decision).toMatchObject({ do: "ignore", reason: expect.stringContaining("no dependent") });
});

describe("a request", () => {
  test.each([
    ["ordinary", {}, token()],
    ["its third attempt", { attempt: 3 }, token("ordinary", 3)],
    ["an emergency", { emergency: true }, token("emergency")],
  ] as const)("has a token of its own: %s", (_what, more, wanted) => {
    expect(decide(requested(more), secret(), policy("driven"), place)).toMatchObject({ do: "start", token: wanted });
    expect(decide(requested(more), secret("native ours"), policy("native"), place)).toEqual({
      do: "rotate-secret",
      token: wanted,
    });
  });

  test("that Secrets Manager would carry out at once is refused outside the policy's windows, but for an emergency", () => {
    const freezes = [{ from: "2026-05-01T00:00:00Z", to: "2026-06-01T00:00:00Z", reason: "month-end" }];
    const frozen = policy("driven", { freezes });
    expect(decide(requested(), secret("native ours"), frozen, place)).toMatchObject({
      do: "report",
      incident: { name: "OutsideWindow", message: expect.stringMatching(/month-end.*until 2026-06-01/) },
    });
    const emergency = requested({ emergency: true });
    expect(decide(emergency, secret("native ours"), frozen, place)).toMatchObject({ do: "rotate-secret" });
    const later = { ...place, nowMs: Date.parse("2026-06-01T00:00:00Z") };
    expect(decide(requested(), secret("native ours"), frozen, later)).toMatchObject({ do: "rotate-secret" });
  });

  test("of somebody who saw another version as AWSCURRENT is ignored, by every mode", () => {
    for (const mode of MODES) {
      const decision = decide(requested({ expectedVersionId: candidate }), secret("native ours"), policy(mode), place);
      expect(decision).toEqual({ do: "ignore", reason: "AWSCURRENT is not the version that the requester saw" });
    }
  });

  test("whose version is there already asks Secrets Manager for nothing", () => {
    const labels = { [base]: ["AWSCURRENT"], [token()]: ["ROTATION_ROLLED_BACK"] };
    expect(decide(requested(), secret("native ours", labels), policy("native"), place)).toMatchObject({ do: "ignore" });
  });

  test("that is refused names who asked, and is one incident however often it comes", () => {
    const ask = (nowMs: number) =>
      decide(
        { kind: "rotation-requested", request: { ...requested().request, requester: "olga" } },
        secret("native foreign"),
        policy("native"),
        { ...place, nowMs },
      );
    expect(ask(0)).toMatchObject({ incident: { token: token(), message: expect.stringContaining("olga") } });
    expect(ask(1)).toMatchObject({ incident: { token: token() } });
  });
});

describe("what one read that is behind would explain", () => {
  const at = (secondsAgo: number) => new Date(place.nowMs - secondsAgo * 1000);
  const behind = { [base]: ["AWSCURRENT"] };
  const rolledBack = { kind: "rehearsal-rolled-back", secretArn: arn, token: token("rehearsal") } as const;

  test.each<[string, SecretEvent, Secret["labels"], Mode]>([
    ["AWSCURRENT is not seen on the version that it was put on", moved, behind, "observed"],
    ["AWSCURRENT is seen on no version", { kind: "rotation-succeeded", secretId: arn }, { x: ["BLUE"] }, "observed"],
    ["the requester saw another version", requested({ expectedVersionId: candidate }), behind, "driven"],
    ["the first part of a rehearsal is still seen as AWSCURRENT", rolledBack, promoted, "driven"],
  ])(
    "is looked at again while the event is younger than a minute, and ignored then: %s",
    (_what, event, labels, mode) => {
      const of = (age: Date | undefined) =>
        decide({ ...event, at: age }, secret("never configured", labels), policy(mode, rehearsing(mode)), place);
      expect([at(0), at(59), at(-59)].map((age) => of(age).do)).toEqual(["look-again", "look-again", "look-again"]);
      // A time that is far ahead is of a clock that goes wrong: it would never grow old.
      expect([at(60), at(86_400), at(-60), undefined].map((age) => of(age).do)).toEqual(Array(4).fill("ignore"));
    },
  );

  test.each<[string, SecretEvent, Secret["labels"]]>([
    ["RotationStarted of a version that is AWSCURRENT", started, promoted],
    ["RotationStarted, where nothing holds AWSPENDING", { kind: "rotation-started", secretId: arn }, behind],
  ])("is ignored at once where the gate starts the same execution: %s", (_what, event, labels) => {
    const decision = decide({ ...event, at: at(0) }, secret("native ours", labels), policy("native"), place);
    expect(decision.do).toBe("ignore");
  });

  test("is looked at again before RotationSucceeded is taken to be of another version than its token's", () => {
    const of = (age: Date) => decide({ ...succeeded, at: age }, secret("managed", behind), policy("observed"), place);
    expect(of(at(59))).toMatchObject({ do: "look-again" });
    expect(of(at(60))).toMatchObject({ do: "start", token: base });
  });

  test("does not keep a failure from being told, and the second part of a rehearsal from being asked for", () => {
    const event = { ...failed, token: token("rehearsal"), at: at(0) };
    const by = policy("native", { rehearses: true });
    const labels = { [token("rehearsal")]: ["AWSCURRENT"] };
    expect(decide(event, secret("native ours", labels), by, place)).toMatchObject({
      do: "report",
      unlessOurs: token("rehearsal"),
      rehearsed: { do: "look-again" },
    });
  });

  const rehearsing = (mode: Mode) => (mode === "observed" ? {} : { rehearses: true });
});

describe("a rehearsal", () => {
  const rolledBack = { kind: "rehearsal-rolled-back", secretArn: arn, token: token("rehearsal", 2) } as const;
  const rehearses = { rehearses: true };

  test("needs a policy that rehearses, in every mode that rotates", () => {
    expect(inShort(decide(rehearsal, secret(), policy("driven"), place))).toBe("refuse ConfigurationInvalid");
    expect(decide(rehearsal, secret(), policy("driven", rehearses), place)).toMatchObject({
      do: "start",
      mode: "driven",
      token: token("rehearsal"),
    });
    expect(decide(rehearsal, secret("native ours"), policy("native", rehearses), place)).toEqual({
      do: "rotate-secret",
      token: token("rehearsal"),
    });
  });

  test("goes on with its second part, of the same attempt, once the first was rolled back", () => {
    const decision = decide(rolledBack, secret(), policy("driven", rehearses), place);
    expect(decision).toMatchObject({ do: "start", token: token("rehearsed", 2) });
  });

  test.each<[string, SecretEvent, Partial<PolicyInput>]>([
    ["its policy does not rehearse", rolledBack, {}],
    ["the token is of an ordinary rotation", { ...rolledBack, token: token() }, rehearses],
    ["the token is of another base", { ...rolledBack, token: deriveToken(arn, candidate, 1, "rehearsal") }, rehearses],
    ["its second part was rolled back", { ...rolledBack, token: token("rehearsed") }, rehearses],
  ])("does not go on where %s", (_why, event, more) => {
    expect(decide(event, secret(), policy("driven", more), place)).toMatchObject({ do: "ignore" });
  });
});

describe("a rotation that failed", () => {
  test("is told unless its version has an execution of ours", () => {
    expect(decide(failed, secret("native ours", pending), policy("native"), place)).toMatchObject({
      do: "report",
      unlessOurs: candidate,
      incident: { token: candidate, at: "2026-05-04T03:02:01.000Z" },
    });
  });

  test("without a token is of the version that holds AWSPENDING; of none, it is told all the same", () => {
    const { token: _none, ...nameless } = failed;
    const decisions = [pending, promoted].map((labels) =>
      decide(nameless, secret("native ours", labels), policy("native"), place),
    );
    expect(decisions).toEqual([
      expect.objectContaining({ unlessOurs: candidate, incident: expect.objectContaining({ token: candidate }) }),
      expect.objectContaining({ unlessOurs: undefined, incident: expect.objectContaining({ token: null }) }),
    ]);
  });
});

test("a decision depends on nothing but what it is given, changes none of it, and is one effect", () => {
  const labels = fc.dictionary(
    fc.constantFrom(base, candidate, token(), token("rehearsal")),
    fc.uniqueArray(
      fc.constantFrom("AWSCURRENT", "AWSPENDING", "AWSPREVIOUS", "ROTATION_CANDIDATE", "ROTATION_ROLLED_BACK"),
    ),
    { minKeys: 1, noNullPrototype: true },
  );
  const event = fc.constantFrom<SecretEvent>(
    ...[started, moved, succeeded, failed, requested(), requested({ emergency: true }), rehearsal],
    { kind: "rehearsal-rolled-back", secretArn: arn, token: token("rehearsal") },
    { kind: "repair-requested", request: { secretId: arn, token: candidate } },
    { kind: "secret-deleted", secretId: arn },
    { kind: "rotation-cancelled", secretId: arn },
    { ...moved, at: new Date(place.nowMs) },
  );
  const effects = ["ignore", "look-again", "start", "rotate-secret", "repair", "report"];
  const mode = fc.constantFrom(...MODES);
  fc.assert(
    fc.property(event, fc.constantFrom(...SECRET_CLASSES), labels, mode, (happened, is, held, by) => {
      const given = [happened, secret(is, held), policy(by), place] as const;
      const before = JSON.stringify(given);
      const decision = decide(...given);
      expect(decide(...structuredClone(given))).toEqual(decision);
      expect(JSON.stringify(given)).toBe(before);
      expect(effects).toContain(decision.do);
      if (decision.do === "report") expect(JSON.stringify(decision.incident)).toContain(arn);
    }),
  );
});
