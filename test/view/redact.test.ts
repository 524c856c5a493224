import { readFileSync } from "node:fs";
import type { HistoryEvent } from "@aws-sdk/client-sfn";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { PAYLOAD_MEMBERS } from "../../view/payload-members.ts";
import { redactEvents, redactText, redactValue } from "../../view/redact.ts";
import { leakScanner } from "../support/leak-scanner.ts";
import { textsIn } from "../support/leak-texts.ts";
import { rotateOnce, type SituationOptions, situation } from "../support/situation.ts";
import { beforeEffect, breakStep } from "../support/step-faults.ts";
import { startWorld } from "../support/world.ts";

/** As core/password.ts makes them by default. */
const CANARY = "aR4xQ9mT2vLk8ZpW3cYh6NsB1dJf5GuE";
const scan = leakScanner([CANARY]);
const leaksIn = (value: unknown) => scan(textsIn(value));

/** How a careless text has it. */
const FORMS: readonly ((secret: string) => string)[] = [
  (it) => `connect to postgres://app:${it}@db.internal:5432/orders failed`,
  (it) => `mysql://${it}@db/`,
  (it) => `amqp://app:${it}/x@broker`,
  (it) => `password=${it}`,
  (it) => `host=db password='${it}' port=5432`,
  (it) => `"PGPASSWORD": "${it}",`,
  (it) => JSON.stringify(JSON.stringify({ masterPassword: it, host: "db" })),
  (it) => `DB_PWD: ${it}; Timeout=3`,
  (it) => `client_secret=${it}&grant_type=x`,
  (it) => `{"SecretString":"${it}"}`,
  (it) => `secret = ${it}`,
  (it) => `token=${it}`,
  (it) => `ALTER ROLE app PASSWORD '${it}'`,
  (it) => `CREATE USER 'a'@'%' IDENTIFIED BY '${it}'`,
  (it) => `ALTER USER a IDENTIFIED WITH caching_sha2_password BY "${it}"`,
  (it) => `SET PASSWORD FOR 'a'@'%' = PASSWORD('${it}')`,
  (it) => `Authorization: Basic ${Buffer.from(`app:${it}`).toString("base64")}`,
  (it) => `curl -H "authorization: Bearer ${it}"`,
  (it) => `sent bearer ${it}`,
  (it) => `SCRAM-SHA-256$4096:c2FsdHNhbHQ=$${it}:${it}`,
  (it) => `-----BEGIN PRIVATE KEY-----\n${it}\n-----END PRIVATE KEY-----`,
  (it) => `-----BEGIN RSA PRIVATE KEY-----\\n${it}`,
  (it) => `eyJhbGciOiJIUzI1NiJ9.${Buffer.from(`{"sub":"${it}"}`).toString("base64url")}.${it}`,
  (it) => `mysqladmin --password ${it} ping`,
  (it) => `no match for ${it}.`,
];

const event = (type: string, details: object, id = 2): HistoryEvent =>
  ({ id, previousEventId: id - 1, timestamp: new Date(0), type, ...details }) as unknown as HistoryEvent;

/** Every place of a history that has a payload. */
const PLACES: Readonly<Record<string, (payload: string) => HistoryEvent>> = {
  "the execution's input": (input) => event("ExecutionStarted", { executionStartedEventDetails: { input } }),
  "the execution's output": (output) => event("ExecutionSucceeded", { executionSucceededEventDetails: { output } }),
  "the execution's cause": (cause) => event("ExecutionFailed", { executionFailedEventDetails: { error: "E", cause } }),
  "a state's input": (input) => event("TaskStateEntered", { stateEnteredEventDetails: { name: "S", input } }),
  "a state's output": (output) => event("TaskStateExited", { stateExitedEventDetails: { name: "S", output } }),
  "a variable": (plan) =>
    event("TaskStateExited", { stateExitedEventDetails: { name: "S", assignedVariables: { plan, unknown: plan } } }),
  "a task's parameters": (parameters) => event("TaskScheduled", { taskScheduledEventDetails: { parameters } }),
  "a task's output": (output) => event("TaskSucceeded", { taskSucceededEventDetails: { output } }),
  "a task's cause": (cause) => event("TaskFailed", { taskFailedEventDetails: { error: "E", cause } }),
  "a Lambda's input": (input) => event("LambdaFunctionScheduled", { lambdaFunctionScheduledEventDetails: { input } }),
  "a kind of details that is new": (it) => event("NewThing", { newThingEventDetails: { it, cause: it } }),
};

describe("what of a payload is not known to be harmless", () => {
  const value = fc.constantFrom<unknown>(CANARY, { password: CANARY }, [CANARY, { [CANARY]: 1 }], `x ${CANARY}`);
  const hidden = [...PAYLOAD_MEMBERS].filter(([, shapes]) => !shapes.some((each) => ["text", "json"].includes(each)));
  const name = fc.oneof(
    fc.constantFrom("password", "SecretString", "value", CANARY, "__proto__", "constructor"),
    fc.constantFrom(...hidden.map(([known]) => known)),
    fc.string(),
  );
  /** Members that are known and others, at any depth, each of which may have the canary. */
  const { payload } = fc.letrec((tie) => ({
    payload: fc.oneof(
      { maxDepth: 5, depthSize: "small" },
      value,
      fc.array(tie("payload"), { maxLength: 3 }),
      fc
        .array(fc.tuple(fc.oneof(name, fc.constantFrom("Payload", "plan", "labels")), tie("payload")), { maxLength: 4 })
        .map((entries) => Object.fromEntries(entries)),
    ),
  }));

  test.each(Object.keys(PLACES))("never survives in %s", (place) => {
    fc.assert(
      fc.property(payload, fc.integer({ min: 0, max: 40 }), (planted, cut) => {
        const text = JSON.stringify(planted);
        for (const each of [text, text.slice(0, -cut || undefined)])
          expect(leaksIn(redactEvents([PLACES[place]?.(each) as HistoryEvent]))).toEqual([]);
      }),
    );
  });

  test("is told by what it is, and the structure around it stays", () => {
    expect(
      redactValue({
        password: "twelve chars",
        plan: { token: "hunter2", retries: "no number", owner: "orders", note: [1, 2] },
        evidence: [{ dependent: "api", pin: 1234, more: { a: 1, b: 2, c: 3 } }, true],
        labels: { "0f3b6c1d-2e4a-5b6c-8d7e-1f0e2d3c4b5a": ["AWSCURRENT", "v1"], [CANARY]: ["AWSPENDING"] },
        [CANARY]: null,
      }),
    ).toEqual({
      password: "hidden: text of 12 characters",
      plan: {
        token: "hidden: text of 7 characters",
        retries: "hidden: text of 9 characters",
        owner: "orders",
        note: "hidden: list of 2",
      },
      evidence: [{ dependent: "api", pin: "hidden: number", more: "hidden: object with 3 members" }, "hidden: boolean"],
      labels: { "0f3b6c1d-2e4a-5b6c-8d7e-1f0e2d3c4b5a": ["AWSCURRENT", "v1"], "hidden 2": "hidden: list of 1" },
      "hidden 5": "hidden: null",
    });
  });

  test("is hidden as a whole where AWS has cut it, and where it is nested deeper than anything of ours", () => {
    const [cut] = redactEvents([PLACES["a task's cause"]?.('{"errorMessage":"half of') as HistoryEvent]);
    expect(cut?.["taskFailedEventDetails"]).toEqual({ error: "E", cause: "hidden: no JSON, 24 characters" });
    const deep = `${"[".repeat(100_000)}"${CANARY}"${"]".repeat(100_000)}`;
    expect(leaksIn(redactEvents([PLACES["a state's input"]?.(deep) as HistoryEvent]))).toEqual([]);
  });
});

describe("a text that stays", () => {
  test.each(FORMS.map((form) => [form("<it>"), form] as const))("is shown without the secret of %s", (_, form) => {
    const around = fc.string().map((text) => text.replace(/[:@/\w]$/, " "));
    fc.assert(
      fc.property(around, fc.string(), (before, after) => {
        expect(scan(redactText(`${before} ${form(CANARY)} ${after}`))).toEqual([]);
      }),
    );
    const told = { errorType: "Error", errorMessage: form(CANARY), trace: [`Error: ${form(CANARY)}`, "    at x"] };
    const events = redactEvents([
      PLACES["a task's cause"]?.(JSON.stringify(told)) as HistoryEvent,
      PLACES["a state's input"]?.(
        JSON.stringify({ error: { Error: "E", Cause: JSON.stringify(told) }, message: form(CANARY) }),
      ) as HistoryEvent,
    ]);
    expect(leaksIn(events)).toEqual([]);
  });

  test("hides keys of AWS, and passwords that no generator made, where they are called so", () => {
    const secrets = ["AKIAIOSFODNN7EXAMPLE", "kT9x/Zq2LmP4vR7sYbN1cW8dFhJ6gA3uEo5iXyQB"];
    for (const secret of secrets) expect(redactText(`with ${secret} it failed`)).toBe("with [hidden] it failed");
    for (const form of FORMS.slice(0, -1))
      expect(redactText(form("c0rrect-horse.battery"))).not.toMatch(/c0rrect|horse|battery/);
  });

  test.each([
    "arn:aws:secretsmanager:us-east-1:123456789012:secret:orders/db/App-h6cJAu",
    "arn:aws:sts::123456789012:assumed-role/AWSReservedSSO_AdministratorAccess_1a2b3c4d5e6f7a8b/someone@example.com",
    "arn:aws:states:us-east-1:123456789012:execution:rotor-production-rotation:rot-0f3b6c1d2e4a5b6c-1f0e2d3c",
    "The target refused the password of app at db.orders.internal:5432 (28P01).",
    "https://wiki.example.com:8443/runbooks/~app@orders?token#restore",
    "token: 0f3b6c1d-2e4a-5b6c-8d7e-1f0e2d3c4b5a",
    "See each secret: look at it. The token: it is a version's id. Basic authentication, bearer tokens.",
    "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "rotor repair orders/db/app --confirm orders/db/app",
  ])("is as it was where it has none: %s", (text) => {
    expect(redactText(text)).toBe(text);
  });

  test("every sentence of the runbooks is as it was", () => {
    const page = readFileSync("docs/runbooks.md", "utf8");
    expect(redactText(page)).toBe(page);
  });

  test("has nothing that a reader's screen would obey", () => {
    expect(redactText("a\u001b[8mb\u202ec\u200bd\te\nf")).toBe("a?[8mb?c?d?e\nf");
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(redactText(text)).not.toMatch(/(?!\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
      }),
    );
  });

  const hostile = [
    "://a:",
    "://",
    "eyJ",
    "eyJ-.",
    'password="\\',
    "password:'\\'",
    "token=",
    "\\",
    "-----BEGIN A-----",
    "x-",
    "A1b",
    "IDENTIFIED BY 'a",
    "authorization ",
    "$5$",
    "--password ",
    "pass",
    "secret   ",
    "password (",
    '\\"',
    "aaaa",
  ];
  test.each(hostile)("takes work in proportion to its length: %s", (part) => {
    /** Of the processor, in ms: how busy the machine is otherwise does not count. */
    const work = (characters: number) => {
      const text = part.repeat(characters / part.length);
      const tries = [0, 1, 2, 3].map(() => {
        const since = process.cpuUsage();
        redactText(text);
        return process.cpuUsage(since).user / 1000;
      });
      return Math.min(...tries);
    };
    work(1000);
    // Sixteen times as long would take 256 times the work, if it were gone over again and again.
    expect(work(160_000)).toBeLessThan(128 * Math.max(work(10_000), 1));
  });
});

test("what an honest rotation, a rollback and a failed rollback leave in their histories comes through unchanged", async () => {
  await using world = await startWorld();
  const ended = async (options: SituationOptions, refuses: boolean, breaks: boolean) => {
    const secret = await situation(world, { dependents: { api: "reload" }, ...options });
    const api = secret.dependents["api"];
    if (refuses && api) api.faults.refresh = 422;
    using _ = breaks ? breakStep(world, secret, "RollBack", beforeEffect("AccessDenied")) : undefined;
    return world.run(secret, await rotateOnce(world, secret));
  };
  const runs = [
    await ended({ policy: { owner: "orders", runbook: "https://wiki.example.com/orders" } }, false, false),
    await ended({ mode: "native", policy: { messages: { email: "attention" } } }, true, false),
    await ended({}, true, true),
  ];
  expect(runs.map(({ path }) => path.at(-1))).toEqual(["Succeeded", "RolledBack", "RollbackFailed"]);
  for (const { history } of runs) {
    const redacted = redactEvents(history);
    expect(redacted).toEqual(JSON.parse(JSON.stringify(history)));
  }
}, 60_000);

test("the work of redacting 25,000 events is that of a tenth of them, ten times", () => {
  const plan = {
    token: "0f3b6c1d-2e4a-5b6c-8d7e-1f0e2d3c4b5a",
    advice: ["AWS offers managed rotation for it. ".repeat(9)],
  };
  /** Of the processor, in ms. */
  const work = (count: number) => {
    const events = Array.from({ length: count }, (_, index) =>
      event("TaskSucceeded", {
        taskSucceededEventDetails: { output: JSON.stringify({ Payload: { plan, seen: `version ${index}` } }) },
      }),
    );
    const since = process.cpuUsage();
    expect(redactEvents(events)).toHaveLength(count);
    return process.cpuUsage(since).user / 1000;
  };
  work(2500);
  expect(work(25_000)).toBeLessThan(40 * Math.max(work(2500), 1));
});
