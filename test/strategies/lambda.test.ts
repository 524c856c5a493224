import { randomUUID } from "node:crypto";
import { inspect } from "node:util";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import * as z from "zod/mini";
import { SDK_REQUEST } from "../../core/aws.ts";
import { RotationError } from "../../core/errors.ts";
import { passwordGenerator, passwordRules } from "../../core/password.ts";
import { lambda } from "../../core/strategies/lambda.ts";
import type { RotationContext } from "../../core/strategies/strategy.ts";
import { AwsError } from "../../local/services/service.ts";
import { ConnectionLost } from "../../local/wire-calls.ts";
import { testDerivation } from "../contracts/strategy.ts";
import { type FakeAws, startFakeAws } from "../support/fake-aws.ts";

interface Reply {
  readonly FunctionError?: string;
  readonly body: string;
}

const arn = "arn:aws:lambda:eu-central-1:111122223333:function:orders-rotation:live";
const base = { engine: "postgres", username: "orders", password: `base-${randomUUID()}` };
const candidate = { ...base, password: `candidate-${randomUUID()}` };
const versions = { base, candidate };
const context = (given: Partial<RotationContext> = {}): RotationContext => ({
  secretArn: "arn:aws:secretsmanager:eu-central-1:111122223333:secret:orders/db-AbCdEf",
  versionId: "5f0e8a3c-92d7-4f0a-9f4e-0f2f6c1d7b10",
  readSecret: () => Promise.resolve(base),
  timeoutMs: 5000,
  policy: { openSessions: "report", rotationFunctionArn: arn },
  signal: new AbortController().signal,
  ...given,
});

let aws: FakeAws;
let reply: () => Reply | Promise<Reply>;
const asked: unknown[] = [];
beforeAll(async () => {
  aws = await startFakeAws({
    lambda: {
      Invoke: (input) => {
        asked.push(input);
        return reply();
      },
    },
  });
  for (const [name, value] of Object.entries(aws.environment)) vi.stubEnv(name, value);
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await aws[Symbol.asyncDispose]();
});

function answers(answer: () => Reply | Promise<Reply>): void {
  asked.length = 0;
  reply = answer;
}

const done = () => ({ body: "null" });
const failed = (error: unknown) => () => ({ FunctionError: "Unhandled", body: JSON.stringify(error) });

/** The error of `work`, which must be ours and must hold no password in any property. */
async function failure(work: Promise<unknown>): Promise<RotationError> {
  const error = await work.then(
    () => {
      throw new Error("was expected to fail, and did not");
    },
    (reason: unknown) => reason,
  );
  if (!(error instanceof RotationError)) throw error;
  const text = inspect(error, { depth: Number.POSITIVE_INFINITY, showHidden: true, maxStringLength: null });
  for (const { password } of Object.values(versions)) expect(text).not.toContain(password);
  return error;
}

testDerivation({
  strategy: lambda,
  user: async () => ({ current: { ...base }, [Symbol.asyncDispose]: async () => {} }),
});

describe("a rotation function", () => {
  test("is asked by AWS's contract, and not for what Secrets Manager alone may say", async () => {
    answers(done);

    await lambda.setSecret(versions, context());
    await lambda.testSecret(candidate, context());

    const ids = { SecretId: context().secretArn, ClientRequestToken: context().versionId };
    expect(asked).toEqual(
      ["createSecret", "setSecret", "testSecret"].map((Step) => ({ FunctionName: arn, Payload: { Step, ...ids } })),
    );
  });

  test("that is not named, or a candidate that differs in more than its password: nobody is asked", async () => {
    answers(done);
    const nameless = context({ policy: { openSessions: "report" } });
    const tampered = [{ host: "other" }, { username: "somebody" }, { engine: undefined }];

    const errors = [
      await failure(lambda.setSecret(versions, nameless)),
      await failure(lambda.testSecret(candidate, nameless)),
      ...(await Promise.all(
        tampered.map((wrong) => failure(lambda.setSecret({ base, candidate: { ...candidate, ...wrong } }, context()))),
      )),
    ];

    expect(errors.map(({ name }) => name)).toEqual(Array(5).fill("ConfigurationInvalid"));
    expect(asked).toEqual([]);
  });

  test("is not asked about a version by whom no labels are lent to", async () => {
    answers(done);

    expect(await lambda.signIn(base, context())).toBe("unknown");
    expect(asked).toEqual([]);
  });

  test.each<[string, unknown, RegExp]>([
    ["a class of its language", { errorType: "ValueError", errorMessage: "" }, /failed in testSecret \(ValueError\)/],
    [
      "an error of Lambda's",
      { errorType: "Runtime.ImportModuleError" },
      /failed in testSecret \(Runtime.ImportModuleError\)/,
    ],
    ["its time was over", { errorType: "Sandbox.Timedout" }, /was ended in testSecret \(Sandbox.Timedout\)/],
    [
      "its time was over, in Lambda's old words",
      { errorMessage: "2026-01-01T00:00:00.000Z 1 Task timed out after 3.00 seconds" },
      /was ended in testSecret \(Sandbox.Timedout\)/,
    ],
    ["it has died", { errorType: "Runtime.ExitError" }, /was ended in testSecret \(Runtime.ExitError\)/],
    ["a password for a type", { errorType: candidate.password }, /failed in testSecret \(an error of another type\)/],
    ["a type with a password in it", { errorType: `${candidate.password}Error` }, /\(an error of another type\)/],
    ["no text for a type", { errorType: { toString: 1 } }, /\(an error of another type\)/],
    ["nothing", null, /\(an error of another type\)/],
  ])("that fails, and says %s, is TargetUnavailable", async (_what, error, told) => {
    answers(failed({ errorMessage: candidate.password, stackTrace: [base.password], ...Object(error) }));

    const { name, message } = await failure(lambda.testSecret(candidate, context()));

    expect(name).toBe("TargetUnavailable");
    expect(message).toMatch(told);
    expect(asked).toHaveLength(1);
  });

  test("whose error is no JSON is TargetUnavailable, too", async () => {
    answers(() => ({ FunctionError: "Unhandled", body: candidate.password }));

    expect((await failure(lambda.testSecret(candidate, context()))).name).toBe("TargetUnavailable");
  });

  test.each<[string, number, string, number]>([
    ["TooManyRequestsException", 429, "Throttled", 3],
    ["ServiceException", 500, "ServiceUnavailable", 3],
    ["KMSDisabledException", 502, "ServiceUnavailable", 3],
    ["AccessDeniedException", 403, "AccessDenied", 1],
    ["ResourceNotFoundException", 404, "ConfigurationInvalid", 1],
    ["ResourceConflictException", 409, "TargetUnavailable", 1],
    ["RequestTooLargeException", 413, "InternalError", 1],
  ])("that Lambda does not call (%s, %i) is %s", async (code, status, name, attempts) => {
    answers(() => {
      throw new AwsError(code, `about ${candidate.password}`, status);
    });

    expect((await failure(lambda.setSecret(versions, context()))).name).toBe(name);
    expect(asked).toHaveLength(attempts);
  });

  test("whose answer is lost is ServiceUnavailable: it may have done its work", async () => {
    answers(() => {
      throw new ConnectionLost();
    });

    expect((await failure(lambda.setSecret(versions, context()))).name).toBe("ServiceUnavailable");
  });

  test("that works for longer than any other request may take is waited for, and called once", async () => {
    const longer = SDK_REQUEST.requestMs + 300;
    answers(() => new Promise((resolve) => setTimeout(() => resolve(done()), longer)));

    await lambda.testSecret(candidate, context());

    expect(asked).toHaveLength(1);
  });

  test("is given up when the step's time is over, at once", async () => {
    const abort = new AbortController();
    let begun = () => {};
    const waiting = new Promise<void>((resolve) => {
      begun = resolve;
    });
    answers(() => {
      begun();
      return new Promise(() => {});
    });

    const ended = failure(lambda.setSecret(versions, context({ signal: abort.signal })));
    await waiting;
    abort.abort();

    expect(await ended).toMatchObject({
      name: "TargetUnavailable",
      message: expect.stringMatching(/may still be at work/),
    });
    expect(asked).toHaveLength(1);
  });
});

test("a value needs a password, and what else is in it is kept", () => {
  expect(z.safeParse(lambda.credential, { username: "orders" }).success).toBe(false);
  expect(z.safeParse(lambda.credential, { password: "" }).success).toBe(false);
  const value = { password: "x", user_arn: "arn", "a key of ours": { deep: [1] } };
  const generate = passwordGenerator(passwordRules.parse({}));
  expect(lambda.createSecret(z.parse(lambda.credential, value), generate)).toEqual({
    ...value,
    password: expect.not.stringMatching(/^x$/),
  });
});
