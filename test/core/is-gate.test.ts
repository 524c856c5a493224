import { expect, test } from "vitest";
import { isGate } from "../../core/is-gate.ts";

const gate = "arn:aws:lambda:eu-west-1:123456789012:function:rotor-gate";

test.each([
  [gate, true],
  [`${gate}:live`, true],
  [`${gate}:$LATEST`, true],
  [`${gate}:17`, true],
  [`${gate}-mariadb`, true],
  [`${gate}-redis:live`, true],
  [`${gate}-two`, false],
  [`${gate}-mariadb-two`, false],
  [`${gate}mariadb`, false],
  [`${gate}:`, false],
  [`${gate}:live:more`, false],
  ["arn:aws:lambda:eu-west-1:123456789012:function:theirs", false],
  ["arn:aws:lambda:us-east-1:123456789012:function:rotor-gate", false],
  [undefined, false],
])("%s is a gate of this stage or one of its versions and aliases: %s", (arn, is) => {
  expect(isGate(arn, gate)).toBe(is);
});
