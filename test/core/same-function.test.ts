import { expect, test } from "vitest";
import { isSameFunction } from "../../core/same-function.ts";

const gate = "arn:aws:lambda:eu-west-1:123456789012:function:rotor-gate";

test.each([
  [gate, true],
  [`${gate}:live`, true],
  [`${gate}:$LATEST`, true],
  [`${gate}:17`, true],
  [`${gate}-two`, false],
  [`${gate}:`, false],
  [`${gate}:live:more`, false],
  ["arn:aws:lambda:eu-west-1:123456789012:function:theirs", false],
  ["arn:aws:lambda:us-east-1:123456789012:function:rotor-gate", false],
  [undefined, false],
])("%s is the gate or one of its versions and aliases: %s", (arn, is) => {
  expect(isSameFunction(arn, gate)).toBe(is);
});
