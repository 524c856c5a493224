/** What a member of a payload may be to be shown. */
export type Shape = "id" | "arn" | "time" | "word" | "text" | "number" | "flag" | "labels" | "members" | "json";

/**
 * Members of payloads that the workflow and its functions really use, and what each is: ids, names, times and messages, never a value. A
 * name with several shapes is used for several things. All others are hidden, also those that another release or somebody else writes.
 */
export const PAYLOAD_MEMBERS: ReadonlyMap<string, readonly Shape[]> = new Map([
  // Ids of versions, and what is known by its digest.
  ...named(
    ["id"],
    ["token", "base", "previous", "live", "versionId", "ClientRequestToken", "digest", "RequestId", "x-amzn-RequestId"],
  ),
  ...named(["arn"], ["secretArn", "SecretId", "FunctionName", "arn"]),
  ...named(["time"], ["startedAt", "changedAt", "signedInAt", "promotedAt", "liveAt", "since", "Date"]),
  ...named(
    ["word"],
    [
      ...["outcome", "decision", "mode", "action", "Step", "step", "part", "strategy", "functionSuffix", "secretClass"],
      ...["strength", "health", "signIn", "email", "chat", "failedIn", "ExecutedVersion", "X-Amz-Executed-Version"],
      ...["SUCCEEDED", "REJECTED", "ROLLED_BACK", "NOT_CONVERGED", "Content-Type", "Connection"],
    ],
  ),
  ...named(
    ["text"],
    [
      ...["secretName", "name", "owner", "runbook", "dependent", "executionName", "rollbackExecution", "id", "by"],
      ...["reason", "seen", "remarks", "advice", "message", "rollbackMessage", "rollbackError", "Error"],
      ...["errorType", "errorMessage", "trace", "stackTrace", "X-Amzn-Trace-Id"],
    ],
  ),
  // A variable, and a member of what a Fail state says.
  ...named(["text", "members"], ["error"]),
  ...named(["json"], ["Cause"]),
  ...named(
    ["number"],
    [
      ...["nowMs", "waitedMs", "retries", "intervalSeconds", "deadlineSeconds", "settleSeconds", "waitSeconds"],
      ...["soakSeconds", "StatusCode", "HttpStatusCode", "convergeDeadline", "restoreDeadline", "Content-Length"],
      ...["x-amzn-Remapped-Content-Length"],
    ],
  ),
  ...named(
    ["flag"],
    [
      ...["final", "judged", "overlap", "wasHealthy", "mayRollBack", "refreshAttempted", "forcedRollBack", "frozen"],
      ...["told", "malformed", "repairing"],
    ],
  ),
  ...named(["labels"], ["labels"]),
  ...named(
    ["members"],
    [
      ...["Payload", "rotation", "execution", "plan", "failure", "finish", "evidence", "rollback", "rollbackFailure"],
      ...["restored", "freeze", "discard", "kept", "truthTable", "baseline", "dependents", "probes", "rehearsal"],
      ...[
        "override",
        "messages",
        "severities",
        "SdkHttpMetadata",
        "SdkResponseMetadata",
        "AllHttpHeaders",
        "HttpHeaders",
      ],
    ],
  ),
]);

// --- internal ---

function named(shapes: readonly Shape[], names: readonly string[]): readonly (readonly [string, readonly Shape[]])[] {
  return names.map((name) => [name, shapes]);
}
