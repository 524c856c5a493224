import { InvokeCommand, type LambdaClient } from "@aws-sdk/client-lambda";
import { fromAwsError, hasName } from "../core/aws.ts";
import { type ErrorName, RETRYABLE, RotationError, TERMINAL } from "../core/errors.ts";
import { CliError } from "./cli-error.ts";
import { EXIT } from "./exit-status.ts";

/** What a function of the deployment has made of a question. */
export type Reply =
  | { readonly answer: unknown; readonly refusal?: undefined }
  /** What it threw, by a name of ours: its own decision, and not that it could not be asked. */
  | { readonly answer?: undefined; readonly refusal: RotationError };

/**
 * Asks a function of the deployment, and waits for what it says.
 * @throws RotationError what the function threw, by its name; what replyOf throws
 */
export async function askFunction(lambda: LambdaClient, functionArn: string, payload: object): Promise<unknown> {
  const reply = await replyOf(lambda, functionArn, payload);
  if (reply.refusal !== undefined) throw reply.refusal;
  return reply.answer;
}

/** @throws CliError it is not deployed; RotationError AccessDenied, Throttled, ServiceUnavailable of the call itself; InternalError: it has decided nothing */
export async function replyOf(lambda: LambdaClient, functionArn: string, payload: object): Promise<Reply> {
  const reply = await lambda
    .send(new InvokeCommand({ FunctionName: functionArn, Payload: JSON.stringify(payload) }))
    .catch((error: unknown) => {
      if (hasName(error, "ResourceNotFoundException"))
        throw new CliError(EXIT.environment, `Function ${functionArn} is not there.`, "deploy the stage again");
      throw fromAwsError(error, `lambda:Invoke of ${functionArn}`);
    });
  const answer: unknown = JSON.parse(reply.Payload?.transformToString() || "null");
  if (reply.FunctionError === undefined) return { answer };
  const { errorType, errorMessage } = Object(answer) as {
    readonly errorType?: unknown;
    readonly errorMessage?: unknown;
  };
  // A message of ours is public; of any other error only the name is repeated.
  const name = [...RETRYABLE, ...TERMINAL].find((each) => each === errorType);
  if (name !== undefined && typeof errorMessage === "string")
    return { refusal: new RotationError(name satisfies ErrorName, errorMessage) };
  throw new RotationError(
    "InternalError",
    `Function ${functionArn} failed (${typeof errorType === "string" ? errorType : "no reason given"}).`,
  );
}
