import { describe, expect, test } from "vitest";
import { definePolicies, forStage, parsePolicies, policyFor, policyWarnings } from "../../core/policies.ts";

const dependent = {
  name: "api",
  kind: "http-endpoint",
  target: { verify: "https://api.internal/health" },
  application: "api",
};
const entry = { secretId: "orders/db", strategy: "postgres-single-user", dependents: [dependent] };
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

  test.each([
    ["mariadb-single-user", 256],
    ["mariadb-alternating-users", 256],
    ["mariadb-dual", 4096],
    ["postgres-single-user", 4096],
    ["postgres-alternating-users", 4096],
    ["redis-dual", 4096],
    ["lambda", 4096],
    ["random-value", 4096],
  ])("of the strategy %s may ask for passwords of %i characters", (strategy, length) => {
    expect(parse({ secretId: "a", strategy, password: { length } })[0]?.password.length).toBe(length);
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

describe("a mistake in rotation.config names the field, and says what is allowed", () => {
  const driven = { ...entry, mode: "driven" };
  const window = { timeZone: "Europe/Vienna", from: "02:00", to: "04:00" };
  const instant = 'must be an ISO 8601 time with its offset, such as "2026-12-20T00:00:00+01:00"';
  const link = "must be a URL that begins with https:// or http://";

  test.each<[string, object, string, string]>([
    [
      "an unknown field",
      { ...entry, dependants: [] },
      "",
      'there is no field "dependants" here: correct the name, or take it out',
    ],
    [
      "no strategy",
      { ...entry, strategy: undefined },
      ".strategy",
      'mode "native" changes the credential: name the strategy',
    ],
    ["an unknown mode", { ...entry, mode: "manual" }, ".mode", 'must be one of "native", "driven", "observed"'],
    [
      "two dependents of a name",
      { ...entry, dependents: [dependent, dependent] },
      '.dependents[1] ("api").name',
      "dependents[0] is called the same: give each a name of its own",
    ],
    [
      "a dependent without a target",
      { ...entry, dependents: [{ ...dependent, target: undefined }].map(({ target: _target, ...rest }) => rest) },
      '.dependents[0] ("api").target',
      "is missing",
    ],
    [
      "strong evidence without an application",
      { ...entry, dependents: [{ ...dependent, application: undefined }] },
      '.dependents[0] ("api").application',
      'evidence "strong" is confirmed from the target\'s sessions',
    ],
    [
      "strong evidence from a target that cannot tell its sessions",
      { ...entry, strategy: "mariadb-single-user", dependents: [dependent] },
      '.dependents[0] ("api").evidence',
      'is "strong", and a target of strategy "mariadb-single-user" cannot tell who has signed in: write "weak", or "required: false" to have it reported',
    ],
    [
      "looks that could fill an execution's history",
      {
        ...entry,
        mode: "driven",
        verify: { intervalSeconds: 1, deadlineSeconds: 3600 },
        dependents: [dependent],
      },
      ".verify.intervalSeconds",
      "looking at 1 dependents every 1 s for 3600 s could fill an execution's history of 25,000 events",
    ],
    [
      "a deadline too long for a native rotation",
      { ...entry, verify: { deadlineSeconds: 900 } },
      ".verify.deadlineSeconds",
      'the worst case of a native rotation would be 1020 s, and Secrets Manager\'s call ends after 840 s: verify.deadlineSeconds and soakSeconds may be 720 together, or the mode "driven"',
    ],
    [
      "a soak too long for a native rotation",
      { ...entry, soakSeconds: 421 },
      ".verify.deadlineSeconds",
      "the worst case of a native rotation would be 841 s",
    ],
    ["a soak of over an hour", { ...driven, soakSeconds: 3601 }, ".soakSeconds", "must be at most 3600"],
    [
      "a schedule that is none",
      { ...driven, schedule: "every week" },
      ".schedule",
      'The schedule "every week" is not valid: it must be rate(value unit) or cron() with six fields. Nothing',
    ],
    ...(["native", "observed"] as const).flatMap((mode) => {
      const says = mode === "native" ? "the secret's rotationRules say when" : "somebody else rotates";
      const reason = `has no effect in mode "${mode}", where ${says}: take it out`;
      return [
        [`a schedule in mode ${mode}`, { ...entry, mode, schedule: "rate(1 day)" }, ".schedule", reason],
        [`windows in mode ${mode}`, { ...entry, mode, windows: [window] }, ".windows", reason],
        [`freeze periods in mode ${mode}`, { ...entry, mode, freezes: [freeze] }, ".freezes", reason],
      ] as [string, object, string, string][];
    }),
    ...(["driven", "observed"] as const).map((mode): [string, object, string, string] => [
      `rotation rules in mode ${mode}`,
      { ...entry, mode, rotationRules: { automaticallyAfterDays: 30 } },
      ".rotationRules",
      `has no effect in mode "${mode}", where ${mode === "driven" ? "the policy's schedule says when" : "somebody else rotates"}: take it out`,
    ]),
    [
      "a window in a place without a name",
      { ...driven, windows: [{ ...window, timeZone: "Vienna" }] },
      ".windows[0].timeZone",
      'must be the IANA name of a time zone, such as "Europe/Vienna"',
    ],
    [
      "a window without a time of day",
      { ...driven, windows: [{ ...window, to: "24:00" }] },
      ".windows[0].to",
      'must be a time of day such as "02:30"',
    ],
    [
      "a window on a day that is none",
      { ...driven, windows: [{ ...window, days: ["Mon"] }] },
      ".windows[0].days[0]",
      'must be one of "SUN", "MON"',
    ],
    ["a window on no day", { ...driven, windows: [{ ...window, days: [] }] }, ".windows[0].days", "must not be empty"],
    [
      "a freeze period that ends before it begins",
      { ...driven, freezes: [{ ...freeze, from: freeze.to, to: freeze.from }] },
      ".freezes[0].to",
      "must be later than from",
    ],
    [
      "a freeze period in a place that is not named",
      { ...driven, freezes: [{ ...freeze, from: "2026-12-20T00:00:00" }] },
      ".freezes[0].from",
      instant,
    ],
    [
      "a freeze period without a reason",
      { ...driven, freezes: [{ ...freeze, reason: "" }] },
      ".freezes[0].reason",
      "must not be empty",
    ],
    [
      "an unknown way outside the windows",
      { ...driven, outsideWindow: "queue" },
      ".outsideWindow",
      'must be one of "wait", "refuse"',
    ],
    [
      "a rehearsal from an account that is none",
      { ...entry, rehearsal: { accounts: ["staging"] } },
      ".rehearsal.accounts[0]",
      "must be an account id of 12 digits",
    ],
    ["a rehearsal from nowhere", { ...entry, rehearsal: { accounts: [] } }, ".rehearsal.accounts", "must not be empty"],
    [
      "a rehearsal that never grows old",
      { ...entry, rehearsal: { ...rehearsal, maxAgeDays: 366 } },
      ".rehearsal.maxAgeDays",
      "must be at most 365",
    ],
    [
      "an override without an end",
      { ...entry, rehearsal: { ...rehearsal, override: { by: "J. Doe", reason: "INC-4711" } } },
      ".rehearsal.override.until",
      instant,
    ],
    [
      "an override by nobody",
      { ...entry, rehearsal: { ...rehearsal, override: { by: "", reason: "x", until: freeze.to } } },
      ".rehearsal.override.by",
      "must not be empty",
    ],
    ...Object.entries({ rehearsal, rehearses: true, openSessions: "refuse", sharedOwner: true }).map(
      ([field, value]): [string, object, string, string] => [
        `${field} in mode observed`,
        { ...entry, mode: "observed", [field]: value },
        `.${field}`,
        'has no effect in mode "observed", where somebody else rotates: take it out',
      ],
    ),
    [
      "a rollback in mode observed without a strategy",
      { ...entry, mode: "observed", strategy: undefined, whenUnhealthy: "roll-back" },
      ".whenUnhealthy",
      'to roll back what somebody else has rotated, a strategy has to be named: name it, or write "keep-new"',
    ],
    [
      "managed rotation declined without a reason",
      { ...entry, managedRotation: { declined: "" } },
      ".managedRotation.declined",
      "must not be empty",
    ],
    ["a short password", { ...entry, password: { length: 8 } }, ".password.length", "must be at least 16"],
    [
      "a password with too few bits",
      { ...entry, password: { length: 16 } },
      ".password.length",
      "gives 95 bits with 62 characters to choose from, and 96 are needed: make it at least 17, or leave more characters",
    ],
    [
      "a password that misses a required type",
      { ...entry, password: { excludeCharacters: "0123456789" } },
      ".password.excludeCharacters",
      'leaves no digit, and one of each type is required: leave one, or write "excludeNumbers: true"',
    ],
    ...["mariadb-single-user", "mariadb-alternating-users"].map((strategy): [string, object, string, string] => [
      `a password that not every target of ${strategy} takes`,
      { ...entry, dependents: [], strategy, password: { length: 257 } },
      ".password.length",
      `must be at most 256 with the strategy "${strategy}": MySQL's caching_sha2_password lets nobody in with a longer one`,
    ]),
    [
      "password rules where somebody else makes the password",
      { ...entry, mode: "observed", password: {} },
      ".password",
      'has no effect in mode "observed", where somebody else makes the password: take it out',
    ],
    [
      "a length in words",
      { ...entry, password: { length: "long" } },
      ".password.length",
      "must be a number, and is a text",
    ],
    ["a runbook that is no link", { ...entry, runbook: "javascript:alert(1)" }, ".runbook", link],
    ["a runbook that is no text", { ...entry, runbook: 4711 }, ".runbook", link],
    [
      "a runbook with a password",
      { ...entry, runbook: "https://me:hunter2@runbooks.example.com" },
      ".runbook",
      "must not carry credentials, which everybody would read: take the part before the @ out of it",
    ],
    [
      "a runbook that messages would cut",
      { ...entry, runbook: `https://runbooks.example.com/${"a".repeat(472)}` },
      ".runbook",
      "must have at most 500 characters",
    ],
    [
      "a stage that cannot be",
      { ...entry, stages: ["production", "2nd_stage"] },
      ".stages[1]",
      'must be a stage\'s name, such as "production": 1 to 50 of A-Z a-z 0-9 -, the first a letter',
    ],
    ["no stage", { ...entry, stages: [] }, ".stages", "must not be empty"],
    ["a stage twice", { ...entry, stages: ["dev", "dev"] }, ".stages", "names a stage twice: name each once"],
  ])("%s", (_what, change, field, message) => {
    const config = [{ secretId: "a", strategy: "s" }, change];
    expect(() => parsePolicies(config)).toThrowError(
      `rotation.config is not valid. policies[1] ("orders/db")${field}: ${message}`,
    );
    expect(() => parsePolicies(config)).toThrowError(expect.objectContaining({ name: "ConfigurationInvalid" }));
    expect(() => parsePolicies(config)).toThrowError(/[^.]\. Nothing was touched\.$/);
  });

  test.each([
    [
      "nothing",
      undefined,
      'The default export: must be a list of policies, and is missing: write "export default definePolicies([...])"',
    ],
    [
      "no list",
      { policies: [] },
      'The default export: must be a list of policies, and is none: write "export default definePolicies([...])"',
    ],
    ["an entry that is none", [entry, "orders/db"], "policies[1]: must be an object, and is a text"],
    [
      "an entry without a name",
      [{ ...entry, secretId: undefined }],
      "policies[0].secretId: is missing: it must be a text",
    ],
    ["a name that is none", [{ ...entry, secretId: "" }], "policies[0].secretId: must not be empty"],
  ])("%s in place of the policies", (_what, config, message) => {
    expect(() => parsePolicies(config)).toThrowError(`rotation.config is not valid. ${message}. Nothing was touched.`);
  });

  test("never repeats a value, but for what entries and dependents are called", () => {
    const secret = { secretId: 7, owner: "pass word hunter2", runbook: "https://me:hunter2@x.example.com" };
    expect(() => parsePolicies([{ ...entry, ...secret }])).toThrowError(
      expect.objectContaining({ message: expect.not.stringContaining("hunter2") }),
    );
    expect(() => parsePolicies([{ ...entry, secretId: "hunter2 {}", mode: 7 }])).toThrowError(
      expect.objectContaining({ message: expect.not.stringContaining("hunter2") }),
    );
  });
});

describe("stages", () => {
  const [everywhere, there, here] = [
    { ...entry, secretId: "a" },
    { ...entry, stages: ["production", "eu-2"] },
    { ...entry, stages: ["dev"], mode: "driven" },
  ];

  test("select the policies that a stage has: those that name it, and those that name none", () => {
    const all = parse(everywhere, there, here);
    expect(forStage(all, "dev")).toEqual([all[0], all[2]]);
    expect(forStage(all, "eu-2")).toEqual([all[0], all[1]]);
    expect(forStage(all, "Dev")).toEqual([all[0]]);
  });

  test.each<[string, object, object]>([
    ["in every stage", entry, entry],
    ["in a stage and in every stage", there, entry],
    ["in every stage and in a stage", entry, there],
    ["in a stage that both name", there, { ...here, stages: ["dev", "eu-2"] }],
  ])("a secret that has two policies %s is refused", (_where, one, other) => {
    expect(() => parsePolicies([everywhere, one, other])).toThrowError(
      'policies[2] ("orders/db").secretId: policies[1] is for the same secret, in the same stage: leave one of them, or give them stages that differ.',
    );
  });

  test("a mistake in a policy of another stage is one all the same", () => {
    expect(() => parsePolicies([{ ...there, mode: "manual" }])).toThrowError('policies[0] ("orders/db").mode');
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
