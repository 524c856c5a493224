/** A state failed. `error` is what Retry and Catch match, absent only where a Fail state or SendTaskFailure names none. */
export class StateFailure extends Error {
  readonly error: string | undefined;
  override readonly cause: string | undefined;
  /** A States.Timeout that is a lost heartbeat: States.HeartbeatTimeout means it too. */
  readonly lostHeartbeat: boolean;

  constructor(error: string | undefined, cause?: string, lostHeartbeat = false) {
    super(`${error ?? "(no error name)"}: ${cause ?? ""}`);
    this.error = error;
    this.cause = cause;
    this.lostHeartbeat = lostHeartbeat;
  }

  /** Ends the execution, whatever Retry and Catch say, and leaves no Failed event of the states around it (AWS, "States.Runtime"). */
  get terminal(): boolean {
    return this.error === "States.Runtime";
  }
}

/** The branch was cut from outside: a sibling failed, or the execution is over. Nothing more of it may happen. */
export class BranchCut extends Error {}

/**
 * Whether a retrier or catcher is meant.
 *
 * States.Runtime is matched by nothing, not even its own name (local-engine 1). The two wildcards do not match
 * States.DataLimitExceeded, and States.TaskFailed does not match States.Timeout (AWS, "Handling errors in Step Functions
 * workflows").
 */
export function matches(errorEquals: readonly string[], failure: StateFailure): boolean {
  if (failure.terminal) return false;
  return errorEquals.some((name) => {
    if (name === failure.error || (name === "States.HeartbeatTimeout" && failure.lostHeartbeat)) return true;
    if (failure.error === "States.DataLimitExceeded") return false;
    return name === "States.ALL" || (name === "States.TaskFailed" && failure.error !== "States.Timeout");
  });
}

export interface ErrorOutput {
  readonly Error: string;
  readonly Cause: string;
}

/** $states.errorOutput, and the output of a caught state whose catcher has no Output. */
export function errorOutput(failure: StateFailure): ErrorOutput {
  return { Error: failure.error ?? "", Cause: failure.cause ?? "" };
}
