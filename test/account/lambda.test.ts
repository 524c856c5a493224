import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { DescribeSecretCommand, RotateSecretCommand } from "@aws-sdk/client-secrets-manager";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { FUNCTIONS } from "../../core/blueprint.ts";
import { copyId } from "../../core/identity.ts";
import { bundleFunctions } from "../../local/bundle.ts";
import { type End, expectEnd } from "../support/invariants.ts";
import { errorsLogged, movesOfCurrent, rotationEvents, until, writesOf } from "../support/observations.ts";
import { type FunctionCall, pythonIsMissing, type RotationFunction, startRotationFunction } from "../support/rotation-function.ts";
import { rotateOnce, type Situation, type SituationOptions, situation } from "../support/situation.ts";
import { startWorld, type World } from "../support/world.ts";

let world: World;
let served: RotationFunction;
let outdir: string;

const path = (file: string) => fileURLToPath(new URL(`../../${file}`, import.meta.url));

beforeAll(async () => {
  if (pythonIsMissing) return;
  outdir = await mkdtemp(join(tmpdir(), "rotor-lambda-"));
  const bundles = await bundleFunctions({
    outdir,
    entries: Object.fromEntries(Object.entries(FUNCTIONS).map(([name, { file }]) => [name, path(file)])),
    configPath: path("rotation.config.ts"),
    replacements: { [path("core/strategies/index.ts")]: path("test/support/lambda-strategy.ts") },
  });
  const patience = { TARGET_TIMEOUT_MS: "500" };
  world = await startWorld({ bundles, environment: { rotate: patience, "roll-back": patience } });
  served = await startRotationFunction(world.account, { name: "orders-rotation", timeoutMs: 60_000 });
});
afterAll(async () => {
  if (pythonIsMissing) return;
  await world[Symbol.asyncDispose]();
  await served[Symbol.asyncDispose]();
  await rm(outdir, { recursive: true });
});

/** A secret whose target only the function knows. */
async function secretOf(by: RotationFunction = served, options: SituationOptions = {}): Promise<Situation> {
  const policy = { strategy: "lambda", rotationFunctionArn: by.arn, ...options.policy };
  onTestFinished(() => {
    by.fault = () => undefined;
  });
  return situation(world, { ...options, policy });
}

/** The steps that the function was asked for, in a rotation. */
function stepsFor(token: string, by: RotationFunction = served): readonly string[] {
  return by.calls.filter((call) => call.token === token).map(({ step }) => step);
}

const copyOf = (secret: Situation, token: string, version = secret.firstVersion) => copyId(secret.arn, token, version);
const is = (call: FunctionCall, step: string, token: string) => call.step === step && call.token === token;
const success = (secret: Situation, token: string): End => ({
  outcome: "SUCCEEDED",
  labels: secret.succeeded(token),
  opens: [token],
});
const rolledBack = (secret: Situation, token: string): End => ({
  outcome: "ROLLED_BACK",
  labels: secret.rolledBack(token),
  opens: [secret.firstVersion],
});

/** A token that is not known before a driven rotation is asked for: a fault of the candidate's, and of no copy's. */
function faultOfCandidate(secret: Situation, fault: (call: FunctionCall, nth: number) => ReturnType<RotationFunction["fault"]>) {
  let nth = 0;
  return (call: FunctionCall) => {
    const isCopy = secret.firstVersion !== "" && candidate !== undefined && call.token !== candidate;
    candidate ??= call.token;
    if (isCopy) return undefined;
    nth += 1;
    return fault(call, nth);
  };
}
let candidate: string | undefined;

describe.skipIf(pythonIsMissing)("a rotation function in another language", () => {
  test.each(["native", "driven"] as const)(
    "rotates, unchanged, in mode %s: it is asked for three steps, and the labels are moved here",
    async (mode) => {
      const secret = await secretOf(served, { mode });

      const token = await rotateOnce(world, secret);

      await expectEnd(world, secret, token, success(secret, token));
      expect(stepsFor(token)).toEqual(["createSecret", "setSecret", "testSecret"]);
    },
  );
});
