import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Digest, MATTERS, weekBefore } from "../../core/digest.ts";
import { buildDigest } from "../../core/notifications/build-digest.ts";
import { MAXIMUM_BYTES } from "../../core/notifications/build-notification.ts";
import { digestNotification } from "../../core/notifications/digest-schema.ts";
import { expectChat } from "./chat-form.ts";
import { hostile } from "./hostile.ts";

const STAGE = { stage: "prod" };
const NONE = { SUCCEEDED: 0, REJECTED: 0, ROLLED_BACK: 0, NOT_CONVERGED: 0, ROLLBACK_FAILED: 0, DIED: 0 };
const week = {
  ...{ from: "2026-11-16T08:00:00.000Z", to: "2026-11-23T08:00:00.000Z" },
  ...{ account: "123456789012", region: "eu-west-1" },
};
const executionName = "rot-0123456789abcdef-c07e5b6a-0000-4000-8000-0000000000b2";

const quiet: Digest = {
  ...week,
  rotations: { ...NONE, SUCCEEDED: 41, ROLLED_BACK: 1 },
  ...{ rehearsed: 0, notLookedAt: 0 },
  secrets: { withPolicy: 120, due: 2, overdue: 0, frozen: 0, notLookedAt: 0 },
  matters: [{ secretName: "orders/db/app", what: "ROLLED_BACK", executionName }],
  moreMatters: 0,
};
const CASES: Readonly<Record<string, Digest>> = {
  quiet,
  nothing: {
    ...quiet,
    rotations: NONE,
    secrets: { withPolicy: 3, due: 0, overdue: 0, frozen: 0, notLookedAt: 0 },
    matters: [],
  },
  busy: {
    ...quiet,
    rotations: { SUCCEEDED: 812, REJECTED: 1, ROLLED_BACK: 22, NOT_CONVERGED: 3, ROLLBACK_FAILED: 2, DIED: 1 },
    ...{ rehearsed: 4, notLookedAt: 130 },
    secrets: { withPolicy: 2400, due: 300, overdue: 2, frozen: 1, notLookedAt: 12 },
    matters: [
      { secretName: "orders/db/app", what: "ROLLBACK_FAILED", executionName },
      { secretName: "orders/db/app", what: "SecretFrozen", executionName: null },
      { secretName: `reports/${"a-long-name/".repeat(12)}db`, what: "Overdue", executionName: null },
    ],
    moreMatters: 28,
  },
};

describe.each(Object.entries(CASES))("the digest of a week: %s", (name, digest) => {
  const message = buildDigest(digest, STAGE);

  test("is in the golden files, for every audience", async () => {
    const { subject, attributes, email, json, chat } = message;
    const told = Object.entries(attributes).map(([key, value]) => `${key}=${value}`);
    const file = `fixtures/digest/${name}`;
    await expect(`Subject: ${subject}\nAttributes: ${told.join(" ")}\n\n${email}`).toMatchFileSnapshot(`${file}.txt`);
    await expect(`${JSON.stringify(json, undefined, 2)}\n`).toMatchFileSnapshot(`${file}.json`);
    await expect(`${JSON.stringify(JSON.parse(chat), undefined, 2)}\n`).toMatchFileSnapshot(`${file}.chat.json`);
  });

  test("is of the schema, and begins with what a person has to do", () => {
    expect(digestNotification.safeParse(message).error).toBeUndefined();
    expectChat(message.chat);
    expect(message.verdict).toMatch(name === "busy" ? /^A person has to act: / : /^Nothing waits for a person\. /);
    expect(message.email.split("\n\n")[0]?.replaceAll("\n", " ")).toBe(message.verdict);
  });

  test("has the week's id, whatever was counted", () => {
    expect(buildDigest({ ...digest, rotations: NONE }, STAGE).id).toBe(message.id);
    expect(buildDigest({ ...digest, to: "2026-11-30T08:00:00.000Z" }, STAGE).id).not.toBe(message.id);
    expect(buildDigest(digest, { stage: "dev" }).id).not.toBe(message.id);
  });
});

test("a week that has too much to name says how much more there is", () => {
  const matters = Array.from({ length: 20 }, () => ({ secretName: "x".repeat(512), what: MATTERS[0], executionName }));
  const { json } = buildDigest({ ...quiet, matters, moreMatters: 7 }, STAGE);
  expect(json.matters.length).toBeLessThan(20);
  expect(json.matters.length + json.moreMatters).toBe(27);
});

test("whatever secrets and executions are called, it is of the schema, small, and of lines of its own", () => {
  const number = fc.nat();
  const matter = fc.record({
    secretName: hostile,
    what: fc.constantFrom(...MATTERS),
    executionName: fc.option(hostile),
  });
  const any = fc.record({
    ...{ from: hostile, to: hostile, account: hostile, region: hostile },
    rotations: fc.constant({ ...NONE, DIED: 3 }),
    ...{ rehearsed: number, notLookedAt: number, moreMatters: number },
    secrets: fc.record({ withPolicy: number, due: number, overdue: number, frozen: number, notLookedAt: number }),
    matters: fc.array(matter, { maxLength: 20 }),
  });
  fc.assert(
    fc.property(any, hostile, (digest, stage) => {
      const message = buildDigest(digest, { stage });
      expect(digestNotification.safeParse(message).error).toBeUndefined();
      expectChat(message.chat);
      for (const text of [message.email, message.chat, JSON.stringify(message.json)]) {
        expect(Buffer.byteLength(text)).toBeLessThanOrEqual(MAXIMUM_BYTES);
      }
      expect(message.email.replaceAll("\n", "")).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u);
    }),
    { numRuns: 300 },
  );
});

test.each(["DIED", "ROLLBACK_FAILED", "NOT_CONVERGED"] as const)(
  "a rotation that ended %s and was not put right waits for a person",
  (end) => {
    const { verdict, severity, actionRequired } = buildDigest({ ...quiet, rotations: { ...NONE, [end]: 1 } }, STAGE);
    expect(verdict).toMatch(/^A person has to act: 1 /);
    expect([severity, actionRequired]).toEqual(["warning", true]);
  },
);

test.each([
  ["2026-11-23T07:59:59.999Z", "2026-11-16T08:00:00.000Z"],
  ["2026-11-23T08:00:00.000Z", "2026-11-23T08:00:00.000Z"],
  ["2026-11-29T23:00:00.000Z", "2026-11-23T08:00:00.000Z"],
])("the week before %s has ended at %s", (now, end) => {
  expect(new Date(weekBefore(Date.parse(now))).toISOString()).toBe(end);
});
