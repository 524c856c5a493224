import { Logger } from "@aws-lambda-powertools/logger";
import type { FunctionName } from "./blueprint.ts";
import { RotationError } from "./errors.ts";
import { parse, type Schema } from "./parse.ts";

/** What of Lambda's context the functions use. */
export interface InvocationContext {
  readonly awsRequestId: string;
  readonly invokedFunctionArn: string;
  getRemainingTimeInMillis(): number;
}

/**
 * The boundary of every function: parses the input, runs, logs ids and the result, and lets out nothing but a
 * RotationError, whose name is what the workflow matches and whose message is public. Whether a call may be repeated is
 * up to `run`; this adds no effect but log lines.
 *
 * @param ids the fields of the input that the log may carry
 * @param result the fields of what was returned that the log may carry: ids and reasons, never a value
 * @returns the handler, which throws RotationError only: EventInvalid for an input that is not of its schema, InternalError
 *   for any other error than ours, and what `run` throws
 */
export function defineHandler<I, O>(
  name: FunctionName,
  input: Schema<I>,
  ids: (input: I) => Readonly<Record<string, unknown>>,
  run: (input: I, context: InvocationContext, warn: (message: string) => void) => Promise<O>,
  result?: (output: O) => Readonly<Record<string, unknown>>,
): (event: unknown, context: InvocationContext) => Promise<O> {
  const logger = new Logger({ serviceName: `rotor-${name}` });
  return async (event, context) => {
    let known: Readonly<Record<string, unknown>> = { awsRequestId: context.awsRequestId };
    try {
      const parsed = parse(input, event);
      if (!parsed.success) {
        throw new RotationError(
          "EventInvalid",
          `Function ${name} was called wrong. ${parsed.problems} Nothing was touched.`,
        );
      }
      known = { ...known, ...ids(parsed.data) };
      logger.info("called", known);
      const output = await run(parsed.data, context, (message) => logger.warn(message, known));
      logger.info("done", result === undefined ? known : { ...known, result: result(output) });
      return output;
    } catch (error) {
      const thrown = toRotationError(name, error);
      logger.error(thrown.message, { ...known, errorName: thrown.name, causes: causeNames(thrown) });
      throw thrown;
    }
  };
}

/** A fault of ours: its own text may carry anything, so only its class and where it was thrown are told. */
function toRotationError(name: FunctionName, error: unknown): RotationError {
  if (error instanceof RotationError) return error;
  const { name: className = "unknown", stack = "" } = error instanceof Error ? error : {};
  const frame = stack.split("\n").find((line) => line.trimStart().startsWith("at ")) ?? "";
  return new RotationError(
    "InternalError",
    `Function ${name} failed with an unexpected ${className} ${frame.trim()}.`,
    { cause: error },
  );
}

function causeNames(error: Error): readonly string[] {
  const names: string[] = [];
  for (let cause = error.cause; cause instanceof Error && names.length < 5; cause = cause.cause) names.push(cause.name);
  return names;
}
