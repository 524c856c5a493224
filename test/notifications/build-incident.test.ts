import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { INCIDENT_KINDS, type Incident, incident, incidentId } from "../../core/incident.ts";
import { buildIncident } from "../../core/notifications/build-incident.ts";
import { buildNotification, MAXIMUM_BYTES } from "../../core/notifications/build-notification.ts";
import { incidentNotification } from "../../core/notifications/incident-schema.ts";
import type { OutcomeFacts } from "../../core/outcome.ts";
import { expectChat } from "./chat-form.ts";
import { CASES } from "./facts.ts";
import { hostile, maybe } from "./hostile.ts";
import { INCIDENTS } from "./incidents.ts";

/** With the longest address that a deployment may name. */
const LONGEST = { stage: "prod", errorRunbook: `https://runbooks.example.com/${"a".repeat(471)}` };
const STAGE = { stage: "prod", errorRunbook: "https://runbooks.example.com/rotor/runbooks" };
const incidentOf = (name: string) => INCIDENTS[name] as Incident;

describe.each(Object.entries(INCIDENTS))("the messages of %s", (name, one) => {
  const message = buildIncident(one, STAGE);

  test("are those of the golden files", async () => {
    const { subject, attributes, email, json } = message;
    const told = Object.entries(attributes).map(([key, value]) => `${key}=${value}`);
    await expect(`Subject: ${subject}\nAttributes: ${told.join(" ")}\n\n${email}`).toMatchFileSnapshot(
      `fixtures/incidents/${name}.txt`,
    );
    await expect(`${JSON.stringify(json, undefined, 2)}\n`).toMatchFileSnapshot(`fixtures/incidents/${name}.json`);
    const chat = `${JSON.stringify(JSON.parse(message.chat), undefined, 2)}\n`;
    await expect(chat).toMatchFileSnapshot(`fixtures/incidents/${name}.chat.json`);
  });

  test("are for a channel what Amazon Q Developer takes", () => {
    expectChat(message.chat);
  });

  test("are of the schema", () => {
    expect(incident.safeParse(one).error).toBeUndefined();
    expect(incidentNotification.safeParse(message).error).toBeUndefined();
  });

  test("begin with whether production is broken and what has to be done, for every audience", () => {
    expect(message.verdict).toMatch(/^(Production|Whether production works)/);
    expect(message.verdict).toMatch(/; (to do: .+|nothing to do)\.$/);
    expect(message.email.split("\n\n")[0]?.replaceAll("\n", " ")).toBe(message.verdict);
    expect(message.json.summary).toBe(message.verdict);
  });

  test("say everything that the incident says", () => {
    const text = message.email.replaceAll(/\s+/g, " ");
    const steps = one.nextSteps.map((each) => (typeof each === "string" ? each : each.say));
    for (const said of [one.message, one.name, ...steps]) expect(text).toContain(said);
    for (const known of [one.token, one.functionArn, one.executionName, one.runbook]) {
      if (known !== null) expect(text).toContain(known);
    }
  });

  test("claim nothing that is not known", () => {
    expect(`${message.subject}\n${message.email}`).not.toMatch(/undefined|null|NaN|Invalid/);
  });

  test("keep to 76 columns, but for what cannot be broken", () => {
    for (const line of message.email.split("\n").filter((each) => each.length > 76)) {
      expect(line.trim().replace(/^(Secret|Execution|History|Versions|Function) +/, "")).toMatch(/^\S+( \\)?$/);
    }
  });
});

test("every kind has an incident here", () => {
  expect(new Set(Object.values(INCIDENTS).map(({ kind }) => kind))).toEqual(new Set(INCIDENT_KINDS));
});

test("one filter policy is for outcomes and incidents: the same facts have the same attributes", () => {
  const facts = CASES["rolled-back"] as OutcomeFacts;
  const outcome = buildNotification({ ...facts, strategy: null }, STAGE).attributes;
  const { attributes } = buildIncident(incidentOf("rotation-abandoned"), STAGE);
  expect(Object.keys(attributes).sort()).toEqual(Object.keys(outcome).sort());
  for (const key of ["stage", "secret", "owner"]) expect(attributes[key]).toBe(outcome[key]);
});

test.each([
  ["rotation-failed", "may-be-broken"],
  ["rotation-failed-in-create-secret", null],
  ["rotation-failed-nothing-known", null],
  ["rotation-abandoned", "may-be-broken"],
  ["test-rotation-failed", "unchanged"],
  ["rotation-cancelled", "unchanged"],
  ["secret-deleted", "may-be-broken"],
  ["execution-died", "may-be-broken"],
  ["request-refused", "unchanged"],
  ["finding", null],
  ["finding-critical", "may-be-broken"],
] as const)("of %s production is %s", (name, production) => {
  expect(buildIncident(incidentOf(name), STAGE).json.state.production).toBe(production);
});

test("only a notice asks nobody to act, in its words too", () => {
  for (const one of Object.values(INCIDENTS)) {
    const { actionRequired, attributes, verdict } = buildIncident(one, STAGE);
    expect(verdict.includes("; to do: ")).toBe(actionRequired);
    expect([one.name, actionRequired, attributes["actionRequired"]]).toEqual([
      one.name,
      one.severity !== "notice",
      String(one.severity !== "notice"),
    ]);
  }
});

describe("a command of a next step", () => {
  const finding = incidentOf("finding");
  const withCommand = (...words: readonly string[]) => {
    const message = buildIncident({ ...finding, nextSteps: [{ say: "Do it", command: words }] }, STAGE);
    return { ...message, step: message.json.nextSteps[0] };
  };

  test("is told whole, however long names and ids are, and can be pasted from the mail", () => {
    const name = `orders/${"n".repeat(505)}`;
    const words = ["aws", "secretsmanager", "describe-secret", "--secret-id", name, "--region", "ap-southeast-2"];
    const { step, email, verdict } = withCommand(...words);
    expect(step).toEqual({ say: "Do it", command: words.join(" ") });
    expect(email.replaceAll(/ \\\n +/g, " ")).toContain(words.join(" "));
    expect(verdict).toMatch(/; to do: do it\.$/);
  });

  test("is left out as a whole where it does not fit: half of one may do something else", () => {
    const { step } = withCommand("aws", "secretsmanager", "delete-secret", "--secret-id", "x".repeat(2000));
    expect(step).toEqual({ say: "Do it", command: null });
    const many = Array.from({ length: 5 }, () => ({ say: "é".repeat(300), command: ["aws", '"'.repeat(1000)] }));
    const { json } = buildIncident({ ...finding, nextSteps: many, message: "\u{1f600}".repeat(1000) }, STAGE);
    expect(Buffer.byteLength(JSON.stringify(json))).toBeLessThanOrEqual(MAXIMUM_BYTES);
    expect(json.nextSteps.map(({ command }) => command)).toEqual([null, null, null, null, null]);
  });

  test("takes nothing of theirs for shell syntax", () => {
    fc.assert(
      fc.property(fc.array(hostile, { minLength: 1, maxLength: 9 }), (words) => {
        const unquoted = withCommand(...words).step?.command?.replaceAll(/'[^']*'/g, "") ?? "";
        expect(unquoted).toMatch(/^[\w/:=.,@%+ -]*$/);
      }),
    );
  });
});

test("the function's log is read from before the step began; a function ARN that was cut gives no command", () => {
  expect(buildIncident(incidentOf("rotation-failed"), STAGE).json.links.log).toBe(
    "aws logs tail /aws/lambda/SecretsManagerMySQLRotation --since 2026-11-23T01:40:00Z --region eu-west-1",
  );
  for (const functionArn of [
    incidentOf("rotation-failed-in-create-secret").functionArn,
    "arn:aws:lambda:eu-west-1:123456789012:function:SecretsMan...",
    "arn:aws:lambda:eu-west-1:123456789012:function:",
  ]) {
    expect(buildIncident({ ...incidentOf("rotation-failed"), functionArn }, STAGE).json.links.log).toBeNull();
  }
});

describe("the id", () => {
  const text = fc.string({ maxLength: 40 });
  const id = maybe(fc.uuid());
  const some = fc.record({
    kind: fc.constantFrom(...INCIDENT_KINDS),
    token: id,
    executionName: id,
    name: fc.constantFrom("StuckPending", "CredentialDrift"),
    severity: fc.constantFrom("notice", "warning", "critical"),
    secretArn: text,
  });
  const words = fc.record({
    at: text,
    message: text,
    nextSteps: fc.array(text, { maxLength: 5 }),
    step: fc.constantFrom(null, "setSecret", "testSecret"),
    functionArn: maybe(text),
    executionArn: maybe(text),
    secretName: maybe(text),
    owner: maybe(text),
    runbook: maybe(text),
    hasPolicy: fc.boolean(),
  });

  test("is the same whenever, in whatever words and by whomever the same thing is told", () => {
    fc.assert(
      fc.property(some, words, words, (what, one, other) => {
        const ids = [one, other].map((said) => incidentId({ ...what, ...said } as Incident));
        expect(ids[0]).toBe(ids[1]);
        expect(ids[0]).toMatch(/^[a-z-]+:[0-9a-f]{32}$/);
      }),
    );
  });

  test("is that of the rotation: another secret, kind or version is another incident", () => {
    const one = incidentOf("rotation-failed");
    const others = [
      { ...one, secretArn: `${one.secretArn}X` },
      { ...one, kind: "rotation-abandoned" as const },
      { ...one, token: "another-version" },
    ];
    expect(new Set([one, ...others].map(incidentId)).size).toBe(4);
  });

  test("of repeated failures of one version is one, whatever they are called and whichever step they name", () => {
    const one = incidentOf("rotation-failed");
    expect(incidentId({ ...one, step: "testSecret", name: "Another", at: "2027-01-01T00:00:00Z" })).toBe(
      incidentId(one),
    );
  });

  test("tells two findings about one version apart: what is critical must not pass for a repeated warning", () => {
    const [stuck, drift] = [incidentOf("finding"), incidentOf("finding-critical")];
    expect(stuck.token).toBe(drift.token);
    expect(incidentId(stuck)).not.toBe(incidentId(drift));
  });

  test("of a finding that has become an alarm is not that of the notice before it", () => {
    const notice = { ...incidentOf("finding"), severity: "notice" as const };
    const alarm = { ...notice, severity: "critical" as const };
    expect(incidentId(alarm)).not.toBe(incidentId(notice));
  });

  test("of a finding that a further execution has not put right is another one", () => {
    const first = { ...incidentOf("finding"), executionName: "rot-1" };
    expect(incidentId({ ...first, executionName: "rot-1-r1" })).not.toBe(incidentId(first));
    expect(incidentId({ ...first, message: "In other words.", at: "2027-01-01T00:00:00Z" })).toBe(incidentId(first));
  });

  test("tells the death of a repair from that of the execution it repairs", () => {
    const died = incidentOf("execution-died");
    const again = { ...died, executionName: `${died.executionName}-r1` };
    expect(incidentId(again)).not.toBe(incidentId(died));
  });

  test("is that of the name where neither version nor execution is known", () => {
    const one = { ...incidentOf("rotation-cancelled"), token: null, executionName: null };
    expect(incidentId({ ...one, name: "Another" })).not.toBe(incidentId(one));
    expect(incidentId({ ...one })).toBe(incidentId(one));
  });
});

describe("whatever the incident is", () => {
  const anyIncident = fc.record({
    kind: fc.constantFrom(...INCIDENT_KINDS),
    secretArn: fc.oneof(
      hostile,
      hostile.map((text) => `arn:aws:secretsmanager:eu-west-1:123456789012:secret:${text}`),
    ),
    secretName: maybe(hostile),
    owner: maybe(hostile),
    runbook: maybe(hostile),
    hasPolicy: fc.boolean(),
    token: maybe(hostile),
    step: fc.constantFrom(null, "createSecret", "setSecret", "testSecret", "finishSecret"),
    functionArn: maybe(
      fc.oneof(
        hostile,
        hostile.map((text) => `arn:aws:lambda:eu-west-1:123456789012:function:gate:${text}`),
      ),
    ),
    name: hostile,
    message: hostile,
    nextSteps: fc.array(
      fc.oneof(hostile, fc.record({ say: hostile, command: fc.array(hostile, { minLength: 1, maxLength: 9 }) })),
      { maxLength: 5 },
    ),
    severity: fc.constantFrom("notice", "warning", "critical"),
    executionName: maybe(hostile),
    executionArn: maybe(hostile),
    at: fc.oneof(hostile, fc.constantFrom("2026-11-23T02:00:00.000Z", "+275760-09-13T00:00:00.000Z")),
  }) as fc.Arbitrary<Incident>;

  test("the messages are of the schema, small, and of printable characters on lines of their own", () => {
    fc.assert(
      fc.property(anyIncident, hostile, (one, stage) => {
        const message = buildIncident(one, { ...LONGEST, stage });
        expect(incidentNotification.safeParse(message).error).toBeUndefined();
        expect(message.subject).toMatch(/^[\x20-\x7e]{1,99}$/);
        expectChat(message.chat);
        for (const text of [JSON.stringify(message.json), message.email, message.chat]) {
          expect(Buffer.byteLength(text)).toBeLessThanOrEqual(MAXIMUM_BYTES);
        }
        expect(message.email.replaceAll("\n", "")).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u);
        expect(message.verdict).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u);
        expect(buildIncident(structuredClone(one), { ...LONGEST, stage })).toEqual(message);
      }),
      { numRuns: 300 },
    );
  });

  test("a message that is as long as can be still fits, and tells the beginning of everything", () => {
    const long = '"\u{1f600}'.repeat(2500);
    const one: Incident = {
      ...incidentOf("execution-died"),
      ...{ secretArn: long, secretName: long, owner: long, runbook: long, token: long, functionArn: long, name: long },
      ...{ message: long, nextSteps: [long, long, long, long, long], executionName: long, executionArn: long },
    };
    const { json, email } = buildIncident(one, LONGEST);
    for (const text of [JSON.stringify(json), email]) {
      expect(Buffer.byteLength(text)).toBeLessThanOrEqual(MAXIMUM_BYTES);
    }
    expect(json.nextSteps).toHaveLength(5);
    for (const { say } of json.nextSteps) expect(say.endsWith("...")).toBe(true);
    expect(json.message.endsWith("...")).toBe(true);
  });

  test("a command takes nothing of theirs for shell syntax", () => {
    fc.assert(
      fc.property(anyIncident, (one) => {
        const { versions, log, history } = buildIncident(one, STAGE).json.links;
        for (const command of [versions, log, history]) {
          expect(command?.replaceAll(/'[^']*'/g, "") ?? "").toMatch(/^[\w/:=.,@%+ -]*$/);
        }
      }),
    );
  });

  test("a line of theirs does not become a line of ours", () => {
    const lie = "broken\n\nTo do       1. Give the password to mallory\nSecret      other";
    const { email } = buildIncident({ ...incidentOf("finding"), message: lie, name: lie, nextSteps: [lie] }, STAGE);
    // The verdict wraps to the first column: it is the padding that makes a field, and theirs never has two spaces.
    const labels = email.split("\n").filter((line) => /^(To do|Secret) {2}/.test(line));
    expect(labels).toEqual([
      "Secret      orders/db/app",
      "To do       1. broken To do 1. Give the password to mallory Secret other",
    ]);
  });
});
