import { describe, expect, test } from "vitest";
import { definePolicies, parsePolicies, policyFor, policyWarnings } from "../../core/policies.ts";

const dependent = {
  name: "api",
  kind: "http-endpoint",
  target: { verify: "https://api.internal/health" },
  application: "api",
};
const entry = { secretId: "orders/db", strategy: "postgres-single-user", dependents: [dependent] };
const window = { timeZone: "Europe/Vienna", from: "02:00", to: "04:00" };
const freeze = { from: "2026-12-20T00:00:00Z", to: "2027-01-02T00:00:00Z", reason: "year end" };
const rehearsal = { accounts: ["111111111111"] };
const parse = (...entries: unknown[]) => parsePolicies(entries);

describe("a policy", () => {
  test("has defaults for all but the secret and the strategy", () => {
    expect(parse({ secretId: "a", strategy: "s" })[0]).toMatchObject({
      mode: "native",
      dependents: [],
      verify: { intervalSeconds: 10, deadlineSeconds: 300 },
      whenUnhealthy: "roll-back",
      soakSeconds: 0,
      windows: [],
      freezes: [],
      outsideWindow: "wait",
      rehearses: false,
      retryAfterRollbackSeconds: 86_400,
      password: { length: 32 },
    });
  });

  test.each([
    ["native", "roll-back"],
    ["driven", "roll-back"],
    ["observed", "keep-new"],
  ])("of mode %s has the default %s when a dependent does not follow, and what is written counts", (mode, expected) => {
    const [silent, keeps, rollsBack] = parse(
      { secretId: "a", strategy: "s", mode },
      { secretId: "b", strategy: "s", mode, whenUnhealthy: "keep-new" },
      { secretId: "c", strategy: "s", mode, whenUnhealthy: "roll-back" },
    );
    expect([silent, keeps, rollsBack].map((each) => each?.whenUnhealthy)).toEqual([expected, "keep-new", "roll-back"]);
  });

  test("of a driven rotation says when it may begin, and what has to have been rehearsed", () => {
    const [full] = parse({
      ...entry,
      mode: "driven",
      schedule: "rate(30 days)",
      windows: [{ timeZone: "Europe/Vienna", days: ["SAT", "SUN"], from: "22:00", to: "02:00" }],
      freezes: [{ from: "2026-12-20T00:00:00+01:00", to: "2027-01-02T00:00:00Z", reason: "year end" }],
      outsideWindow: "refuse",
      soakSeconds: 3600,
      rehearsal: {
        secretId: "staging/orders/db",
        accounts: ["111111111111"],
        override: { by: "J. Doe", reason: "INC-4711", until: "2026-01-01T00:00:00Z" },
      },
      managedRotation: { declined: "it is no master user" },
    });
    expect(full).toMatchObject({ schedule: "rate(30 days)", outsideWindow: "refuse", soakSeconds: 3600 });
    expect(full?.rehearsal).toMatchObject({ maxAgeDays: 7, override: { by: "J. Doe" } });
  });

  test("of a secret may both rehearse and require a rehearsal, as between three accounts", () => {
    expect(parse({ ...entry, rehearses: true, rehearsal })[0]).toMatchObject({ rehearses: true, rehearsal });
  });

  test("is found by the secret's name or full ARN", () => {
    const arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:b-AbCdEf";
    const all = parse({ secretId: "a", strategy: "s" }, { secretId: arn, strategy: "s" });
    expect(policyFor(all, { name: "a", arn: "arn:x" })?.secretId).toBe("a");
    expect(policyFor(all, { name: "b", arn })?.secretId).toBe(arn);
    expect(policyFor(all, { name: "c", arn: "arn:y" })).toBeUndefined();
  });

  test("is typed where it is written and validated where it is read", () => {
    expect(parsePolicies(definePolicies([entry]))).toHaveLength(1);
  });
});

describe("a mistake in rotation.config names the field and says what is allowed", () => {
  test.each([
    ["no list", "x", /expected array/],
    ["an unknown field", [{ ...entry, dependants: [] }], /Field 0: Unrecognized key: "dependants"/],
    ["no strategy", [{ secretId: "a" }], /Field 0\.strategy: mode "native" changes the credential: name the strategy/],
    ["an unknown mode", [{ ...entry, mode: "manual" }], /Field 0\.mode:.*"native"\|"driven"\|"observed"/],
    ["two policies for a secret", [entry, entry], /two policies are for the secret "orders\/db"/],
    ["two dependents of a name", [{ ...entry, dependents: [dependent, dependent] }], /two dependents are named "api"/],
    [
      "strong evidence without an application",
      [{ ...entry, dependents: [{ ...dependent, application: undefined }] }],
      /Field 0\.dependents\.0\.application: evidence "strong" is confirmed from the target's sessions/,
    ],
    [
      "a deadline too long for a native rotation",
      [{ ...entry, verify: { deadlineSeconds: 900 } }],
      /Field 0\.verify\.deadlineSeconds: .* would be 1020 s, .* verify\.deadlineSeconds and soakSeconds may be 720 together, or the mode "driven"/,
    ],
    [
      "a soak too long for a native rotation",
      [{ ...entry, soakSeconds: 421 }],
      /would be 841 s, .* may be 720 together/,
    ],
    ["a soak of over an hour", [{ ...entry, mode: "driven", soakSeconds: 3601 }], /Field 0\.soakSeconds: .*<=3600/],
    [
      "a schedule that is none",
      [{ ...entry, mode: "driven", schedule: "every week" }],
      /Field 0\.schedule: .*"every week".*rate\(/,
    ],
    ...(["native", "observed"] as const).flatMap((mode) => {
      const says = mode === "native" ? "Secrets Manager's RotationRules say when" : "somebody else rotates";
      const reason = (field: string) => new RegExp(`Field 0\\.${field}: has no effect in mode "${mode}": ${says}`);
      return [
        [`a schedule in mode ${mode}`, [{ ...entry, mode, schedule: "rate(1 day)" }], reason("schedule")],
        [`windows in mode ${mode}`, [{ ...entry, mode, windows: [window] }], reason("windows")],
        [`freeze periods in mode ${mode}`, [{ ...entry, mode, freezes: [freeze] }], reason("freezes")],
      ] as [string, unknown, RegExp][];
    }),
    [
      "a window in a place without a name",
      [{ ...entry, mode: "driven", windows: [{ ...window, timeZone: "Vienna" }] }],
      /Field 0\.windows\.0\.timeZone: must be the IANA name of a time zone, such as "Europe\/Vienna"/,
    ],
    [
      "a window without a time of day",
      [{ ...entry, mode: "driven", windows: [{ ...window, to: "24:00" }] }],
      /Field 0\.windows\.0\.to: must be a time of day such as "02:30"/,
    ],
    [
      "a window on a day that is none",
      [{ ...entry, mode: "driven", windows: [{ ...window, days: ["Mon"] }] }],
      /Field 0\.windows\.0\.days\.0: .*"MON"/,
    ],
    [
      "a window on no day",
      [{ ...entry, mode: "driven", windows: [{ ...window, days: [] }] }],
      /Field 0\.windows\.0\.days: Too small/,
    ],
    [
      "a freeze period that ends before it begins",
      [{ ...entry, mode: "driven", freezes: [{ ...freeze, from: freeze.to, to: freeze.from }] }],
      /Field 0\.freezes\.0\.to: must be later than from/,
    ],
    [
      "a freeze period in a place that is not named",
      [{ ...entry, mode: "driven", freezes: [{ ...freeze, from: "2026-12-20T00:00:00" }] }],
      /Field 0\.freezes\.0\.from: Invalid ISO datetime/,
    ],
    [
      "a freeze period without a reason",
      [{ ...entry, mode: "driven", freezes: [{ ...freeze, reason: "" }] }],
      /Field 0\.freezes\.0\.reason: Too small/,
    ],
    [
      "an unknown way outside the windows",
      [{ ...entry, mode: "driven", outsideWindow: "queue" }],
      /Field 0\.outsideWindow: .*"wait"\|"refuse"/,
    ],
    [
      "a rehearsal from an account that is none",
      [{ ...entry, rehearsal: { accounts: ["staging"] } }],
      /Field 0\.rehearsal\.accounts\.0: must be an account id of 12 digits/,
    ],
    [
      "a rehearsal from nowhere",
      [{ ...entry, rehearsal: { accounts: [] } }],
      /Field 0\.rehearsal\.accounts: Too small/,
    ],
    [
      "a rehearsal that never grows old",
      [{ ...entry, rehearsal: { ...rehearsal, maxAgeDays: 366 } }],
      /Field 0\.rehearsal\.maxAgeDays: .*<=365/,
    ],
    [
      "an override without an end",
      [{ ...entry, rehearsal: { ...rehearsal, override: { by: "J. Doe", reason: "INC-4711" } } }],
      /Field 0\.rehearsal\.override\.until: /,
    ],
    [
      "an override by nobody",
      [{ ...entry, rehearsal: { ...rehearsal, override: { by: "", reason: "x", until: freeze.to } } }],
      /Field 0\.rehearsal\.override\.by: Too small/,
    ],
    [
      "a rehearsal in mode observed",
      [{ ...entry, mode: "observed", rehearsal }],
      /Field 0\.rehearsal: somebody else rotates in mode "observed"/,
    ],
    [
      "a rehearsed secret in mode observed",
      [{ ...entry, mode: "observed", rehearses: true }],
      /Field 0\.rehearses: somebody else rotates in mode "observed"/,
    ],
    [
      "a rollback in mode observed without a strategy",
      [{ ...entry, mode: "observed", strategy: undefined, whenUnhealthy: "roll-back" }],
      /Field 0\.whenUnhealthy: to roll back what somebody else has rotated, a strategy has to be named/,
    ],
    [
      "managed rotation declined without a reason",
      [{ ...entry, managedRotation: { declined: "" } }],
      /Field 0\.managedRotation\.declined: Too small/,
    ],
    ["a short password", [{ ...entry, password: { length: 8 } }], /Field 0\.password\.length/],
    ["a runbook that is no link", [{ ...entry, runbook: "javascript:alert(1)" }], /Field 0\.runbook/],
  ])("%s", (_what, config, message) => {
    expect(() => parsePolicies(config)).toThrowError(message);
    expect(() => parsePolicies(config)).toThrowError(expect.objectContaining({ name: "ConfigurationInvalid" }));
    expect(() => parsePolicies(config)).toThrowError(/Nothing was touched\.$/);
  });

  test("never repeats a value", () => {
    expect(() => parsePolicies([{ ...entry, secretId: 7, owner: "pass word hunter2" }])).toThrowError(
      expect.objectContaining({ message: expect.not.stringContaining("hunter2") }),
    );
  });
});

test("a native rotation of over nine minutes is a warning", () => {
  const [slow] = parse({ ...entry, verify: { deadlineSeconds: 500 } });
  const [fast] = parse(entry);
  expect(slow && policyWarnings(slow)).toEqual([expect.stringContaining("620 s")]);
  expect(fast && policyWarnings(fast)).toEqual([]);
  // The soak is part of what Secrets Manager waits for.
  const [soaks] = parse({ ...entry, soakSeconds: 121 });
  expect(soaks && policyWarnings(soaks)).toEqual([expect.stringContaining("541 s")]);
});
