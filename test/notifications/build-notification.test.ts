import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { EVENT_SOURCE } from "../../core/blueprint.ts";
import { normaliseEvent } from "../../core/normalise-event.ts";
import { buildNotification, MAXIMUM_BYTES } from "../../core/notifications/build-notification.ts";
import { notification } from "../../core/notifications/schema.ts";
import { OUTCOMES, type OutcomeFacts, outcomeFacts, truthRow } from "../../core/outcome.ts";
import { expectChat } from "./chat-form.ts";
import { CASES } from "./facts.ts";
import { hostile, maybe } from "./hostile.ts";

/** With the longest address that a deployment may name. */
const LONGEST = { stage: "prod", errorRunbook: `https://runbooks.example.com/${"a".repeat(471)}` };
const STAGE = { stage: "prod", errorRunbook: "https://runbooks.example.com/rotor/runbooks" };

describe.each(Object.entries(CASES))("the messages of %s", (name, facts) => {
  const message = buildNotification(facts, STAGE);

  test("are those of the golden files", async () => {
    const { subject, attributes, email, json } = message;
    const told = Object.entries(attributes).map(([key, value]) => `${key}=${value}`);
    await expect(`Subject: ${subject}\nAttributes: ${told.join(" ")}\n\n${email}`).toMatchFileSnapshot(
      `fixtures/${name}.txt`,
    );
    await expect(`${JSON.stringify(json, undefined, 2)}\n`).toMatchFileSnapshot(`fixtures/${name}.json`);
    const chat = `${JSON.stringify(JSON.parse(message.chat), undefined, 2)}\n`;
    await expect(chat).toMatchFileSnapshot(`fixtures/${name}.chat.json`);
  });

  test("are for a channel what Amazon Q Developer takes", () => {
    expectChat(message.chat);
    expect(JSON.parse(message.chat)).toMatchObject({
      id: message.id,
      metadata: { threadId: facts.token, additionalContext: { severity: message.severity } },
    });
  });

  test("are of the schema", () => {
    expect(outcomeFacts.safeParse(facts).error).toBeUndefined();
    expect(notification.safeParse(message).error).toBeUndefined();
  });

  test("begin with the verdict, for every audience", () => {
    expect(message.email.split("\n\n")[0]?.replaceAll("\n", " ")).toBe(message.verdict);
    expect(message.json.summary).toBe(message.verdict);
    expect(message.detail.data.summary).toBe(message.verdict);
    expect(JSON.parse(message.chat).content.description.split("\n")[0]).toBe(
      message.verdict.replace(/[&<>]/g, (each) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;" })[each] ?? ""),
    );
  });

  test("are the same when they are built again", () => {
    expect(buildNotification(structuredClone(facts), STAGE)).toEqual(message);
    expect(message.id).toBe(`${facts.execution.name}:${facts.outcome}`);
  });

  test("name no command that does not exist", () => {
    const programs = [...message.email.matchAll(/^\s*(?:History {5})?(\w+) \w+ [\w-]+ --/gm)].map((match) => match[1]);
    expect(new Set(programs)).toEqual(new Set(["aws"]));
  });

  test("keep to 76 columns, but for what cannot be broken", () => {
    for (const line of message.email.split("\n").filter((each) => each.length > 76)) {
      expect(line.trim().replace(/^(Secret|History|Execution|Runbook) +/, "")).toMatch(/^\S+( \\)?$|^--\S+ \S+( \\)?$/);
    }
  });
});

test("a code in the message is told with what it most often comes from, to every audience", () => {
  const failure = { step: "SetSecret", name: "TargetUnavailable", message: "db:5432 cannot be reached (ETIMEDOUT)." };
  const facts: OutcomeFacts = { ...(CASES["rolled-back"] as OutcomeFacts), failure, rollbackFailure: failure };
  const { json, email, chat } = buildNotification(facts, STAGE);
  const cause = "a security group or a route keeps the functions from the target";
  expect([json.failure?.likelyCause, json.rollbackFailure?.likelyCause]).toEqual([cause, cause]);
  expect(email.replaceAll(/\s+/g, " ")).toContain(`Likely why ${cause}`);
  expect(JSON.parse(chat).content.description).toContain(`Likely why: ${cause}`);
});

describe("a policy's messages", () => {
  const built = (name: string, messages: unknown) =>
    buildNotification({ ...(CASES[name] as OutcomeFacts), messages }, STAGE);

  test("say who is told besides machines: everybody, unless they say otherwise", () => {
    expect(built("succeeded", null).audiences).toEqual(["email", "chat"]);
    expect(built("succeeded", { email: "attention" }).audiences).toEqual(["chat"]);
    expect(built("rolled-back", { email: "attention" }).audiences).toEqual(["email", "chat"]);
    expect(built("rolled-back", { email: "nothing", chat: "nothing" }).audiences).toEqual([]);
  });

  test("say how urgent an outcome is, and attention goes by that", () => {
    const message = built("rolled-back", { chat: "attention", severities: { ROLLED_BACK: "notice" } });
    expect([message.severity, message.attributes["severity"], message.json.severity]).toEqual([
      "notice",
      "notice",
      "notice",
    ]);
    expect(message.audiences).toEqual(["email"]);
  });

  test("hide no rollback that failed, whatever they say", () => {
    for (const messages of [
      { email: "nothing", chat: "nothing" },
      { severities: { ROLLBACK_FAILED: "notice" } },
      "x",
      7,
    ]) {
      const { severity, audiences } = built("rollback-failed", messages);
      expect([severity, audiences]).toEqual(["critical", ["email", "chat"]]);
    }
  });
});

test("every outcome has a case here", () => {
  expect(new Set(Object.values(CASES).map(({ outcome }) => outcome))).toEqual(new Set(OUTCOMES));
});

describe("nothing is claimed that is not known", () => {
  const told = (facts: OutcomeFacts) => {
    const { email, verdict, json, subject } = buildNotification(facts, STAGE);
    return { text: `${subject}\n${email.replaceAll(/\s+/g, " ")}`, verdict, json };
  };

  test.each(Object.entries(CASES))("%s without a sign-in speaks of none", (_name, facts) => {
    const { text, json } = told({ ...facts, signedInAt: null, truthTable: null });
    expect(text).not.toMatch(/signed in at|sign-in with it worked/);
    expect(json.state.liveSignedInAt).toBeNull();
  });

  test.each(OUTCOMES)("%s of which nothing else is known is told without an invention", (outcome) => {
    const { text, json } = told({
      outcome,
      execution: { arn: "", name: "rot-1", startedAt: "" },
      secretArn: "",
      token: "c07e5b6a",
      mode: "",
      labels: {},
      dependents: {},
    });
    expect(text).not.toMatch(/undefined|null|NaN|Invalid/);
    expect(text).toContain("started a time that is not known");
    expect(json.dependents.total).toBe(0);
    expect(json.state.versions).toEqual([]);
  });

  test("a failed rollback's sign-in is that of no version in particular, and is left out", () => {
    const facts = CASES["rollback-failed"] as OutcomeFacts;
    expect(facts.signedInAt).toBeDefined();
    expect(told(facts).json.state.liveSignedInAt).toBeNull();
  });

  test("a version that was in no table at an instant had no labels then; without a table they are not known", () => {
    const facts = CASES["rejected"] as OutcomeFacts;
    const { versions } = told(facts).json.state;
    expect(versions.find(({ id }) => id === facts.token)).toMatchObject({
      before: ["AWSPENDING"],
      during: null,
      now: [],
    });
  });

  test.each([
    ["rejected", "broken", "move"],
    ["accepted", "may-be-broken", "stay"],
    ["unreachable", "may-be-broken", "stay"],
    ["no value", "may-be-broken", "stay"],
    ["unreadable", "may-be-broken", "stay"],
  ] as const)(
    "when the target answers %s for AWSCURRENT, production is %s and AWSCURRENT has to %s",
    (signIn, production, fate) => {
      const facts = CASES["rollback-failed"] as OutcomeFacts;
      const truthTable = facts.truthTable?.map((row, index) => (index === 0 ? { ...row, signIn } : row));
      const { json } = told({ ...facts, truthTable });
      expect(json.state.production).toBe(production);
      const moves = json.nextSteps.filter(({ command }) => command?.includes("--version-stage AWSCURRENT"));
      expect(moves).toHaveLength(fate === "move" ? 1 : 0);
    },
  );

  test("a target that accepts no labelled version is not answered with a label", () => {
    const facts = CASES["rollback-failed"] as OutcomeFacts;
    const { json, verdict } = told({
      ...facts,
      truthTable: facts.truthTable?.map((row) => ({ ...row, signIn: "rejected" as const })),
    });
    expect(verdict).toContain("it accepts no labelled version");
    expect(JSON.stringify(json.nextSteps)).not.toContain("--move-to-version-id");
  });

  test("an unfreezing is told only where the label was put on", () => {
    const facts = CASES["rollback-failed"] as OutcomeFacts;
    expect(told(facts).text).toContain("--version-stage ROTATION_FROZEN");
    expect(told({ ...facts, frozen: false }).text).not.toContain("--version-stage ROTATION_FROZEN");
    expect(told({ ...facts, frozen: false }).text).toContain("Rotor could not put ROTATION_FROZEN on it");
    expect(
      told({ ...facts, frozen: null })
        .json.nextSteps.map(({ say }) => say)
        .join(),
    ).not.toContain("FROZEN");
  });

  test("an observed rotation that did not converge blames nobody for a move that nobody has seen", () => {
    const facts = CASES["not-converged-managed"] as OutcomeFacts;
    expect(told(facts).verdict).toContain("was live when Rotor saw it and was not taken back");
    expect(told(facts).json.state.liveVersionId).toBeNull();
    const failure = { step: "ConfirmEvidence", name: "RotationInProgress", message: "It is not AWSCURRENT any more." };
    expect(told({ ...facts, mode: "native", failure }).verdict).toContain("somebody else has moved AWSCURRENT");
    const { verdict } = told({ ...facts, mode: "native" });
    expect(verdict).toMatch(/^Production may be broken: which version is live now was not read, /);
  });

  test("a rejection for a refused credential does not call production unharmed", () => {
    const facts = CASES["rejected"] as OutcomeFacts;
    const failure = { step: "CreateSecret", name: "CredentialDrift", message: "No known version signs in." };
    expect(told({ ...facts, failure }).json.state.production).toBe("may-be-broken");
  });
});

describe("the subject says which version is live as far as that is known", () => {
  const { token, base } = CASES["rolled-back"] as OutcomeFacts;
  const now = (versionId: string) => ({ before: null, during: null, now: { [versionId]: ["AWSCURRENT"] } });
  const unread = { before: null, during: null, now: null };

  test.each<[string, Partial<OutcomeFacts>, string]>([
    ["rolled-back", { labels: now(base ?? "") }, "ROLLED BACK, old live - "],
    ["rolled-back", { labels: now("a-third-version") }, "ROLLED BACK, other live - "],
    ["rolled-back", { labels: now("some-version"), base: null }, "ROLLED BACK - "],
    ["rolled-back", { labels: unread, base: null }, "ROLLED BACK - "],
    ["not-converged", { labels: now(token) }, "NOT CONVERGED, new live - "],
    ["not-converged", { labels: now("a-third-version") }, "NOT CONVERGED, other live - "],
    ["not-converged", { labels: unread }, "NOT CONVERGED - "],
  ])("%s with %j: %s", (name, facts, said) => {
    const message = buildNotification({ ...(CASES[name] as OutcomeFacts), ...facts }, STAGE);
    expect(message.subject).toContain(`: ${said}`);
  });
});

describe("a rehearsal", () => {
  const told = (name: string, facts: Partial<OutcomeFacts> = {}) =>
    buildNotification({ ...(CASES[name] as OutcomeFacts), ...facts }, STAGE);
  const { rehearsal } = CASES["succeeded-rehearsed"] as OutcomeFacts;

  test("whose second part has succeeded is told on the bus as passed, with when the version was promoted", () => {
    expect(told("succeeded-rehearsed").detail.rehearsal).toEqual({
      digest: rehearsal?.digest,
      at: "2026-11-23T02:00:10.000Z",
      strategy: rehearsal?.strategy,
      rollbackProved: true,
    });
  });

  test("whose first part was taken back as planned is told on the bus, and asks nobody to act", () => {
    const message = told("rolled-back-rehearsal");
    expect(message.detail.rehearsal).toEqual({ digest: rehearsal?.digest, strategy: rehearsal?.strategy });
    expect(message).toMatchObject({ severity: "notice", actionRequired: false });
    expect(message.verdict).toMatch(/nothing to do: the forced rollback of a rehearsal was proved\.$/);
    expect(message.json.nextSteps).toEqual([]);
  });

  test.each(OUTCOMES.filter((outcome) => outcome !== "ROLLED_BACK"))(
    "whose first part ends %s has proved nothing",
    (outcome) => {
      expect(told("rolled-back-rehearsal", { outcome }).detail).not.toHaveProperty("rehearsal");
    },
  );

  test.each(OUTCOMES.filter((outcome) => outcome !== "SUCCEEDED"))(
    "whose second part ends %s has proved nothing",
    (outcome) => {
      expect(told("succeeded-rehearsed", { outcome }).detail).not.toHaveProperty("rehearsal");
    },
  );

  test("whose first part was rolled back for a fault has proved nothing, and is told like any rollback", () => {
    const { failure } = CASES["rolled-back"] as OutcomeFacts;
    const message = told("rolled-back-rehearsal", { failure });
    expect(message.detail).not.toHaveProperty("rehearsal");
    expect(message).toMatchObject({ severity: "warning", actionRequired: true });
  });

  test("without a proved rollback does not count, and the mail says so", () => {
    const message = told("succeeded-rehearsed", {
      rehearsal: { ...(rehearsal as NonNullable<typeof rehearsal>), rollbackExecution: null },
    });
    expect(message.detail).not.toHaveProperty("rehearsal");
    expect(message.email.replaceAll(/\s+/g, " ")).toContain("does not count, because no forced rollback was proved");
  });

  test("that was left out is told with who let the rotation go ahead, and why", () => {
    const { override } = CASES["succeeded-overridden"] as OutcomeFacts;
    const message = told("succeeded-overridden");
    expect(message.json.override).toEqual(override);
    const text = message.email.replaceAll(/\s+/g, " ");
    expect(text).toContain(`by ${override?.by}: ${override?.reason}`);
    expect(message.detail).not.toHaveProperty("rehearsal");
  });

  test("is read from the bus as it was told", () => {
    const read = (name: string) => {
      const { detailType, detail } = told(name);
      const event = {
        ...{ id: "1", source: EVENT_SOURCE, account: "123456789012", region: "eu-west-1" },
        ...{ time: "2026-11-23T02:00:30Z", "detail-type": detailType, resources: [], detail },
      };
      return normaliseEvent(event, { account: "123456789012", region: "eu-west-1" });
    };
    const { secretArn, token } = CASES["succeeded-rehearsed"] as OutcomeFacts;
    const at = new Date("2026-11-23T02:00:30Z");
    expect(read("rolled-back-rehearsal")).toEqual({ kind: "rehearsal-rolled-back", secretArn, token, at });
    expect(read("succeeded-rehearsed")).toEqual({
      kind: "rehearsal-passed",
      account: "123456789012",
      secretArn,
      digest: rehearsal?.digest,
      at: new Date("2026-11-23T02:00:10.000Z"),
    });
  });

  test("is of no concern to an ordinary rotation", () => {
    expect(told("succeeded").detail).not.toHaveProperty("rehearsal");
  });
});

describe("what an observed secret's class leaves to be done when dependents do not follow", () => {
  const steps = (facts: Partial<OutcomeFacts>) =>
    buildNotification({ ...(CASES["not-converged-managed"] as OutcomeFacts), ...facts }, STAGE).json.nextSteps;
  const commands = (facts: Partial<OutcomeFacts>) => steps(facts).flatMap(({ command }) => command ?? []);

  test.each(["managed", "managed external"])("%s: another managed rotation, and no label by hand", (secretClass) => {
    const all = steps({ secretClass });
    expect(all.map(({ say }) => say).join()).toContain("put a Rotation Requested event on the rotation bus");
    expect(commands({ secretClass }).join()).not.toMatch(/update-secret-version-stage|describe-secret/);
  });

  test.each([
    ["rds!db-0f1e2d3c", "aws rds modify-db-instance --db-instance-identifier INSTANCE"],
    ["rds!cluster-0f1e2d3c", "aws rds modify-db-cluster --db-cluster-identifier CLUSTER"],
  ])("%s: its owner's own command", (secretName, command) => {
    expect(commands({ secretName })).toContain(
      `${command} --rotate-master-user-password --apply-immediately --region eu-west-1`,
    );
  });

  test("of another owner: no command of RDS", () => {
    expect(commands({ secretName: "ecs-sc!service" }).join()).not.toContain("aws rds");
  });

  test("native foreign: its owner's rotation function rotates again", () => {
    expect(commands({ secretClass: "native foreign", secretName: "orders/db" })).toContain(
      "aws secretsmanager rotate-secret --secret-id orders/db --region eu-west-1",
    );
  });

  test("a rotation of ours that was not observed is not told what AWS refuses", () => {
    expect(
      steps({ mode: "native" })
        .map(({ say }) => say)
        .join(),
    ).not.toContain("AWS refuses");
  });
});

describe("long lists", () => {
  const facts = CASES["rolled-back"] as OutcomeFacts;
  const many = (n: number, strength: "strong" | "none") =>
    Array.from({ length: n }, (_, index) => ({ dependent: `service-${index}`, strength, seen: "seen" }));

  test("of dependents end after twenty, and those with a problem come first", () => {
    const restored = [...many(31, "strong"), { dependent: "culprit", strength: "none" as const, seen: "not seen" }];
    const { json, email } = buildNotification({ ...facts, dependents: { restored } }, STAGE);
    expect(json.dependents).toMatchObject({ total: 32, more: 12 });
    expect(json.dependents.items).toHaveLength(20);
    expect(json.dependents.items[0]?.name).toBe("culprit");
    expect(email).toContain("+12 more");
  });

  test("an error's text is cut to 500 characters", () => {
    const failure = { step: "SetSecret", name: "InternalError", message: "x".repeat(5000) };
    const { json } = buildNotification({ ...facts, failure }, STAGE);
    expect(json.failure?.message).toHaveLength(500);
    expect(json.failure?.message.endsWith("...")).toBe(true);
  });
});

describe("whatever the facts are", () => {
  const labels = fc.dictionary(hostile, fc.array(hostile, { maxLength: 12 }), { maxKeys: 12 });
  const failure = fc.record({ step: hostile, name: hostile, message: hostile });
  const evidence = fc.record({
    dependent: hostile,
    strength: fc.constantFrom("strong", "claimed", "weak", "none"),
    seen: hostile,
  });
  const anyFacts = fc.record({
    outcome: fc.constantFrom(...OUTCOMES),
    execution: fc.record({ arn: hostile, name: hostile, startedAt: hostile }),
    secretArn: fc.oneof(
      hostile,
      hostile.map((text) => `arn:aws:secretsmanager:eu-west-1:123456789012:secret:${text}`),
    ),
    secretName: maybe(hostile),
    token: hostile,
    mode: hostile,
    strategy: maybe(hostile),
    owner: maybe(hostile),
    runbook: maybe(hostile),
    base: maybe(hostile),
    secretClass: maybe(fc.oneof(hostile, fc.constantFrom("managed", "native foreign"))),
    rehearsal: maybe(
      fc.record({
        part: fc.constantFrom("roll-back", "rotation"),
        digest: hostile,
        strategy: hostile,
        rollbackExecution: maybe(hostile),
      }),
    ),
    override: maybe(fc.record({ by: hostile, reason: hostile })),
    labels: fc.record({ before: maybe(labels), during: maybe(labels), now: maybe(labels) }),
    live: maybe(hostile),
    signedInAt: maybe(hostile),
    gap: maybe(fc.record({ from: hostile, to: maybe(hostile) })),
    promotedAt: maybe(hostile),
    restoredAt: maybe(hostile),
    dependents: fc.record({
      baseline: maybe(
        fc.array(fc.record({ dependent: hostile, health: fc.constantFrom("healthy", "unhealthy"), seen: hostile }), {
          maxLength: 40,
        }),
      ),
      after: maybe(fc.array(evidence, { maxLength: 40 })),
      restored: maybe(fc.array(evidence, { maxLength: 40 })),
    }),
    failure: maybe(failure),
    reason: maybe(hostile),
    rollbackFailure: maybe(failure),
    truthTable: maybe(
      fc.array(
        fc.record({
          versionId: hostile,
          labels: fc.array(hostile, { maxLength: 12 }),
          signIn: fc.constantFrom(...truthRow.shape.signIn.options),
        }),
        { maxLength: 20 },
      ),
    ),
    frozen: maybe(fc.boolean()),
    remarks: maybe(fc.array(hostile, { maxLength: 20 })),
  }) as fc.Arbitrary<OutcomeFacts>;

  test("the messages are of the schema, small, and of printable characters on lines of their own", () => {
    fc.assert(
      fc.property(anyFacts, hostile, (facts, stage) => {
        const message = buildNotification(facts, { ...LONGEST, stage });
        expect(notification.safeParse(message).error).toBeUndefined();
        expect(message.subject).toMatch(/^[\x20-\x7e]{1,99}$/);
        expectChat(message.chat);
        for (const text of [
          JSON.stringify(message.json),
          JSON.stringify(message.detail),
          message.email,
          message.chat,
        ]) {
          expect(Buffer.byteLength(text)).toBeLessThanOrEqual(MAXIMUM_BYTES);
        }
        expect(message.email.replaceAll("\n", "")).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u);
        expect(message.verdict).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u);
      }),
      { numRuns: 300 },
    );
  });

  test.each([
    ["a&b>c", true],
    ["ops/@here", false],
    ["a`b", false],
  ])("a channel is shown a command on %s as it is to be pasted, or none", (secretName, isShown) => {
    const facts = { ...(CASES["rolled-back"] as OutcomeFacts), secretName };
    const message = buildNotification(facts, STAGE);
    expectChat(message.chat);
    const steps: readonly string[] = JSON.parse(message.chat).content.nextSteps;
    const shown = steps.map((step) => step.replaceAll("&gt;", ">").replaceAll("&lt;", "<").replaceAll("&amp;", "&"));
    const named = message.json.nextSteps.filter(({ command }) => command?.includes(secretName));
    expect(named).not.toEqual([]);
    for (const { say, command } of named) {
      expect(shown.some((step) => step.endsWith(`\`${command}\``))).toBe(isShown);
      if (!isShown) expect(shown).toContain(say.replaceAll("@here", "@ here"));
    }
  });

  test("a command takes nothing of theirs for shell syntax", () => {
    fc.assert(
      fc.property(hostile, (secretName) => {
        const facts = { ...(CASES["rolled-back"] as OutcomeFacts), secretName };
        for (const { command } of buildNotification(facts, STAGE).json.nextSteps) {
          const unquoted = command?.replaceAll(/'[^']*'/g, "") ?? "";
          expect(unquoted).toMatch(/^[\w/:=.,@%+ -]*$/);
        }
      }),
    );
  });
});
