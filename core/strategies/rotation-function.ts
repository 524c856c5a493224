import type { InvokeCommandInput, InvokeCommandOutput, LambdaClient } from "@aws-sdk/client-lambda";
import { clientConfiguration, fromAwsError, hasName } from "../aws.ts";
import { RotationError } from "../errors.ts";
import type { RotationContext } from "./strategy.ts";

/** The steps of AWS's contract that a function of somebody else's is asked for. Its finishSecret is not among them. */
export type Step = "createSecret" | "setSecret" | "testSecret";

/** What the function has answered to a step. */
export interface Answer {
  /**
   * Absent: it has succeeded. Else that it has failed, or that Lambda has ended it, in which step, and of what kind the error was:
   * never its text. How far it came is not known.
   */
  readonly failed?: string;
}

/**
 * One step of a rotation function, in a call that waits for its end: {Step, SecretId, ClientRequestToken}. There is no RotationToken:
 * Secrets Manager has called nobody. What the function returns is not looked at, as Secrets Manager does not.
 *
 * May be repeated, as far as the function keeps the contract. The SDK repeats it where Lambda throttles or fails itself, and never
 * because of the time it takes: the context's `signal` ends the waiting, and the function goes on.
 *
 * @throws RotationError ConfigurationInvalid: the policy names no function, or there is none of that name or qualifier;
 *   TargetUnavailable: no answer in time, or it is being updated; AccessDenied; Throttled, ServiceUnavailable
 */
export async function callFunction(context: RotationContext, step: Step, versionId: string): Promise<Answer> {
  const arn = functionOf(context);
  const payload = { Step: step, SecretId: context.secretArn, ClientRequestToken: versionId };
  const reply = await invoke(context, step, { Payload: JSON.stringify(payload) });
  if (reply.FunctionError === undefined) return {};
  const { type, isEnd } = readError(reply.Payload?.transformToString() ?? "");
  if (!isEnd) return { failed: `${arn} failed in ${step} (${type})` };
  return {
    failed: `${arn} was ended in ${step} (${type}), for its timeout or its memory was not enough, or it has died`,
  };
}

/**
 * Asks Lambda whether the function is there and this role may call it; the function does not run.
 * @throws what callFunction throws
 */
export async function checkFunction(context: RotationContext): Promise<void> {
  await invoke(context, "a look at it", { InvocationType: "DryRun" });
}

// --- internal ---

function functionOf({ policy: { rotationFunctionArn: arn }, secretArn }: RotationContext): string {
  if (arn !== undefined) return arn;
  throw new RotationError(
    "ConfigurationInvalid",
    `${secretArn}: its policy has the strategy "lambda" and names no rotationFunctionArn. No function was called.`,
  );
}

async function invoke(
  context: RotationContext,
  what: string,
  input: Pick<InvokeCommandInput, "InvocationType" | "Payload">,
): Promise<InvokeCommandOutput> {
  const arn = functionOf(context);
  const lambda = await load();
  return lambda.client
    .send(new lambda.InvokeCommand({ FunctionName: arn, ...input }), { abortSignal: context.signal })
    .catch((error: unknown) => Promise.reject(toRotationError(error, arn, what, context.signal)));
}

let client: LambdaClient | undefined;

/** The SDK is loaded when it is first needed. */
async function load() {
  const { LambdaClient, InvokeCommand } = await import("@aws-sdk/client-lambda");
  // A request lasts as long as the function works. One that were given up and sent again would find it at work still.
  const requestHandler = { ...clientConfiguration.requestHandler, requestTimeout: 0 };
  client ??= new LambdaClient({ ...clientConfiguration, requestHandler });
  return { client, InvokeCommand };
}

/** Of Lambda's own errors the name is kept only. */
function toRotationError(error: unknown, arn: string, what: string, signal: AbortSignal): RotationError {
  if (signal.aborted) {
    return new RotationError(
      "TargetUnavailable",
      `${arn} has not ended ${what} in the time that a step has. It may still be at work, until its own timeout.`,
    );
  }
  if (hasName(error, "ResourceNotFoundException")) {
    return new RotationError("ConfigurationInvalid", `There is no function ${arn}: correct rotationFunctionArn.`);
  }
  if (hasName(error, "ResourceConflictException", "ResourceNotReadyException")) {
    return new RotationError(
      "TargetUnavailable",
      `${arn} is being changed, or was idle for long: it takes no call now.`,
    );
  }
  const { name, message } = fromAwsError(error, `lambda:InvokeFunction (${what}) on ${arn}`);
  return new RotationError(name, message);
}

/** Types that programming languages and Lambda give errors. What is not of their form may be any text, and is not repeated. */
const ERROR_TYPE =
  /^(?:(?:Runtime|Sandbox|Function|Extension)\.)?(?:[A-Z][A-Za-z]{0,48})?(?:Error|Exception|Timedout|OutOfMemory)$/;
const ENDED = ["Sandbox.Timedout", "Runtime.ExitError", "Runtime.OutOfMemory"];

/** `isEnd`: it was not the function that has said so, but Lambda, of a function that has come to no end. */
function readError(payload: string): { readonly type: string; readonly isEnd: boolean } {
  let error: { readonly errorType?: unknown; readonly errorMessage?: unknown };
  try {
    error = Object(JSON.parse(payload));
  } catch {
    error = {};
  }
  const { errorType, errorMessage } = error;
  // Lambda tells a timeout without a type, too.
  const isTimeout = errorType === undefined && /Task timed out after [\d.]+ seconds$/.test(textOf(errorMessage));
  const type = isTimeout ? "Sandbox.Timedout" : textOf(errorType);
  return { type: ERROR_TYPE.test(type) ? type : "an error of another type", isEnd: ENDED.includes(type) };
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}
