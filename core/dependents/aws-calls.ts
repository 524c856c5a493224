import { fromAwsError } from "../aws.ts";
import { type ErrorName, RotationError } from "../errors.ts";

/** Errors of a service that mean something else for a dependent than for a secret: AWS's name -> ours, and what it says. */
export type Refusals = Readonly<Record<string, readonly [name: ErrorName, message: string]>>;

/** Calls of AWS that together may last so long. */
export interface Calls {
  readonly signal: AbortSignal;
  /**
   * One call.
   * @throws RotationError a refusal's; else what fromAwsError makes of it; TargetUnavailable when time or signal ended it
   */
  call<T>(operation: string, run: (options: { readonly abortSignal: AbortSignal }) => Promise<T>): Promise<T>;
}

/** For all calls of one method. Of an error of AWS only its name is kept: its text and its answer may carry what is nobody's business. */
export function startCalls(timeoutSeconds: number, signal: AbortSignal, refusals: Refusals): Calls {
  const both = AbortSignal.any([signal, AbortSignal.timeout(timeoutSeconds * 1000)]);
  return {
    signal: both,
    async call(operation, run) {
      try {
        return await run({ abortSignal: both });
      } catch (error) {
        if (both.aborted) {
          const why = signal.aborted ? "was stopped" : `gave no answer within ${timeoutSeconds} s`;
          throw new RotationError("TargetUnavailable", `${operation} ${why}.`);
        }
        const { name } = error as { readonly name?: string };
        const refusal = name !== undefined && Object.hasOwn(refusals, name) ? refusals[name] : undefined;
        if (refusal !== undefined) throw new RotationError(refusal[0], `${refusal[1]} (${name}).`);
        const known = fromAwsError(error, operation);
        throw new RotationError(known.name, known.message);
      }
    },
  };
}

/** For verify: that AWS gave no usable answer is no verdict on the dependent, and it is looked at again until its deadline. */
export async function lookAgain<T>(look: Promise<T>): Promise<T> {
  try {
    return await look;
  } catch (error) {
    const passes = ["Throttled", "ServiceUnavailable", "TargetUnavailable"];
    if (!(error instanceof RotationError) || !passes.includes(error.name)) throw error;
    throw new RotationError("DependentNotReady", error.message, { cause: error });
  }
}
