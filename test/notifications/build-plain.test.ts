import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MAXIMUM_BYTES } from "../../core/notifications/build-notification.ts";
import { buildPlain, plainNotification } from "../../core/notifications/plain.ts";
import { OUTCOMES } from "../../core/outcome.ts";
import { expectChat } from "./chat-form.ts";
import { hostile } from "./hostile.ts";

const STAGE = { stage: "prod" };
const name = "rot-0123456789abcdef-c07e5b6a-0000-4000-8000-0000000000b2";
const execution = { name, arn: `arn:aws:states:eu-west-1:123456789012:execution:rotation:${name}` };

describe.each(OUTCOMES)("what is told of %s where nothing more can be written", (outcome) => {
  const message = buildPlain({ outcome, execution }, STAGE);

  test("is in the golden files, for every audience", async () => {
    const { subject, attributes, email, json, chat } = message;
    const told = Object.entries(attributes).map(([key, value]) => `${key}=${value}`);
    const file = `fixtures/plain/${outcome.toLowerCase().replaceAll("_", "-")}`;
    await expect(`Subject: ${subject}\nAttributes: ${told.join(" ")}\n\n${email}`).toMatchFileSnapshot(`${file}.txt`);
    await expect(`${JSON.stringify(json, undefined, 2)}\n`).toMatchFileSnapshot(`${file}.json`);
    await expect(`${JSON.stringify(JSON.parse(chat), undefined, 2)}\n`).toMatchFileSnapshot(`${file}.chat.json`);
  });

  test("is of the schema, has the id that the whole message has, and names the execution", () => {
    expect(plainNotification.safeParse(message).error).toBeUndefined();
    expectChat(message.chat);
    expect(message.id).toBe(`${name}:${outcome}`);
    for (const text of [message.email, message.chat, JSON.stringify(message.json)]) expect(text).toContain(name);
  });
});

test("whatever the execution is called, it is told, small, on lines of its own, and takes nothing for shell syntax", () => {
  fc.assert(
    fc.property(fc.constantFrom(...OUTCOMES), hostile, hostile, hostile, (outcome, arn, called, stage) => {
      const message = buildPlain({ outcome, execution: { arn, name: called } }, { stage });
      expect(message.subject).toMatch(/^[\x20-\x7e]{1,99}$/);
      expectChat(message.chat);
      for (const text of [message.email, message.chat, JSON.stringify(message.json)]) {
        expect(Buffer.byteLength(text)).toBeLessThanOrEqual(MAXIMUM_BYTES);
      }
      expect(message.email.replaceAll("\n", "")).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u);
      expect(message.json.links.history.replaceAll(/'[^']*'/g, "")).toMatch(/^[\w/:=.,@%+ -]*$/);
    }),
    { numRuns: 300 },
  );
});
