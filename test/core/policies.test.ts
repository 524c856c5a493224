import { describe, expect, test } from "vitest";
import { definePolicies, parsePolicies, policyFor, policyWarnings } from "../../core/policies.ts";

const dependent = {
  name: "api",
  kind: "http-endpoint",
  target: { verify: "https://api.internal/health" },
  application: "api",
};
const entry = { secretId: "orders/db", strategy: "postgres-single-user", dependents: [dependent] };
const parse = (...entries: unknown[]) => parsePolicies(entries);

describe("a policy", () => {
  test("has defaults for all but the secret and the strategy", () => {
    expect(parse({ secretId: "a", strategy: "s" })[0]).toMatchObject({
      mode: "native",
      dependents: [],
      verify: { intervalSeconds: 10, deadlineSeconds: 300 },
      whenUnhealthy: "roll-back",
      retryAfterRollbackSeconds: 86_400,
      password: { length: 32 },
    });
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
      /deadlineSeconds:.*at most 720 here/,
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
});
