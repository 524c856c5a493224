import fc from "fast-check";
import { expect, test } from "vitest";
import { deriveToken, executionArn, executionName, REQUEST_KINDS, repairName, requestOf } from "../../core/identity.ts";

const arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:orders/db-a1B2c3";
const base = "3f0c5b0e-6c1d-4f5e-9d53-0a4b7c0e1f22";

test("a token is a UUID that depends on secret, base and attempt, and on nothing else", () => {
  const token = deriveToken(arn, base, 1);
  expect(token).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(deriveToken(arn, base, 1)).toBe(token);
  expect(
    new Set([token, deriveToken(arn, base, 2), deriveToken(`${arn}x`, base, 1), deriveToken(arn, token, 1)]).size,
  ).toBe(4);
});

test("derived tokens never change between releases: a running rotation would get a second identity", () => {
  expect(deriveToken(arn, base, 1)).toBe("37ab66fd-5dc7-50d7-bac1-16c3346d99f8");
});

test.each(REQUEST_KINDS)("a derived token of kind %s is recognised, for its own base only", (kind) => {
  const token = deriveToken(arn, base, 7, kind);
  expect(requestOf(token.toUpperCase(), arn, base)).toEqual({ kind, attempt: 7 });
  expect(requestOf(token, arn, token)).toBeUndefined();
  expect(requestOf(base, arn, base)).toBeUndefined();
});

test("requests of different kinds never share a token", () => {
  const attempts = Array.from({ length: 50 }, (_, index) => index + 1);
  const tokens = REQUEST_KINDS.flatMap((kind) => attempts.map((attempt) => deriveToken(arn, base, attempt, kind)));
  expect(new Set(tokens).size).toBe(tokens.length);
});

test("an execution name fits Step Functions' rules for every secret and token", () => {
  fc.assert(
    fc.property(
      fc.string({ minLength: 1 }),
      fc.oneof(fc.uuid(), fc.stringMatching(/^[A-Za-z0-9_+=.@-]{32,64}$/)),
      (secret, token) => {
        const name = executionName(secret, token);
        expect(name).toMatch(/^rot-[0-9a-f]{16}-[0-9a-fA-F-]{32,36}$/);
        expect(repairName(name, 50).length).toBeLessThanOrEqual(80);
      },
    ),
  );
});

test("an execution's ARN is derived from its state machine's", () => {
  expect(executionArn("arn:aws:states:eu-west-1:123456789012:stateMachine:rotation", "n")).toBe(
    "arn:aws:states:eu-west-1:123456789012:execution:rotation:n",
  );
});
