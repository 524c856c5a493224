/**
 * What the server and the page say to each other, as JSON. Times are ISO 8601 in UTC. What others have written, such as payloads and
 * errors, has been through `redact.ts`.
 */

export type RunStatus = "RUNNING" | "SUCCEEDED" | "FAILED" | "TIMED_OUT" | "ABORTED" | "PENDING_REDRIVE";

/** How a run can have ended, or that it has not. "DIED": stopped, timed out, or failed outside of its own outcomes. */
export const RUN_OUTCOMES = [
  "RUNNING",
  "SUCCEEDED",
  "ROLLED_BACK",
  "REJECTED",
  "NOT_CONVERGED",
  "ROLLBACK_FAILED",
  "DIED",
  "IGNORED",
] as const;
export type RunOutcome = (typeof RUN_OUTCOMES)[number];

/** Where the credentials are of, and whose they are. */
export interface Place {
  readonly account: string;
  readonly region: string;
  readonly stage: string;
  readonly caller: string;
}

// --- the list ---

/** One execution. */
export interface RunRow {
  readonly name: string;
  /** null: no secret of this account is known by the name's hash. */
  readonly secret: string | null;
  readonly status: RunStatus;
  /** null: the status alone does not tell, and it was not looked at yet. */
  readonly outcome: RunOutcome | null;
  readonly mode: string | null;
  readonly startedAt: string | null;
  readonly endedAt: string | null;
}

/** One secret: what `rotor secrets --output json` says of it. */
export interface SecretRow {
  readonly name: string;
  readonly arn: string;
  readonly class: string;
  readonly policy: { readonly mode: string; readonly strategy: string | null } | null;
  readonly owner: string | null;
  readonly lastRun: { readonly name: string; readonly outcome: RunOutcome; readonly endedAt: string | null } | null;
  readonly lastRotatedAt: string | null;
  readonly currentSince: string | null;
  readonly nextAt: string | null;
  readonly overdueSeconds: number;
  /** What a person should look at: "frozen", "overdue", "pending", "candidate left", "last failed", "not readable". */
  readonly states: readonly string[];
}

/** Part of the list: rows take the place of those of the same name. */
export interface ListPart {
  readonly readAt: string;
  /** What is still being read, for people; null: everything was read. */
  readonly reading: string | null;
  /** What could not be read, for people. */
  readonly problem: string | null;
  /** Whether there are older runs than those that are listed. */
  readonly more: boolean;
  readonly secrets: readonly SecretRow[];
  readonly runs: readonly RunRow[];
  /** ARNs of secrets and names of runs that are there no more. */
  readonly gone: readonly string[];
}

// --- one execution ---

/** One of GetExecutionHistory's events; `timestamp` is a text. Members are AWS's. */
export type WireEvent = Readonly<Record<string, unknown>> & {
  readonly id: number;
  readonly previousEventId?: number;
  readonly timestamp: string;
  readonly type: string;
};

export interface RunHead {
  readonly name: string;
  readonly arn: string;
  readonly status: RunStatus;
  readonly outcome: RunOutcome;
  readonly secret: { readonly name: string; readonly arn: string };
  readonly token: string;
  readonly mode: string;
  readonly startedAt: string | null;
  readonly endedAt: string | null;
  readonly redrivenAt: string | null;
}

type Strength = "strong" | "claimed" | "weak" | "none";
type Labels = readonly string[] | null;

/** The part of `rotation.notification/1` that the page shows: what people were told when the rotation had ended. */
export interface Told {
  readonly outcome: string;
  readonly severity: string;
  readonly actionRequired: boolean;
  readonly summary: string;
  readonly secret: { readonly owner: string | null; readonly strategy: string | null };
  readonly state: {
    readonly production: string | null;
    readonly live: string | null;
    readonly liveVersionId: string | null;
    readonly liveSignedInAt: string | null;
    readonly credentialGapMs: number | null;
    readonly newWasLiveMs: number | null;
    readonly frozen: boolean | null;
    readonly versions: readonly {
      readonly id: string;
      readonly before: Labels;
      readonly during: Labels;
      readonly now: Labels;
    }[];
    readonly truthTable:
      | readonly { readonly id: string; readonly labels: readonly string[]; readonly signIn: string }[]
      | null;
  };
  readonly failure: Failure | null;
  readonly rollbackFailure: Failure | null;
  readonly dependents: {
    readonly items: readonly {
      readonly name: string;
      readonly before: "healthy" | "unhealthy" | null;
      readonly after: Strength | null;
      readonly restored: Strength | null;
      readonly seen: string | null;
    }[];
    readonly more: number;
  };
  readonly remarks: readonly string[];
  readonly nextSteps: readonly { readonly say: string; readonly command: string | null }[];
  readonly links: {
    readonly execution: string | null;
    readonly secret: string | null;
    readonly runbook: string | null;
    readonly errorRunbook: string | null;
  };
}

interface Failure {
  readonly step: string;
  readonly name: string;
  readonly message: string;
  readonly likelyCause: string | null;
}

export const ACTIONS = ["retry", "roll-back", "stop"] as const;
export type ActionName = (typeof ACTIONS)[number];

/** What can be asked for from the page. */
export interface Action {
  readonly name: ActionName;
  /** The CLI line that does the same. */
  readonly command: string;
  /** null: it can be asked for. Else why not, for people: the run's state, or credentials that may not. */
  readonly refusal: string | null;
  /** Whether it is the credentials that do not allow it. */
  readonly denied: boolean;
}

/** What changes while a run goes on, but for its events. */
export interface ExecutionPart {
  readonly readAt: string;
  readonly run: RunHead;
  /** One sentence: whether production works, which version is live, what there is to do. */
  readonly verdict: string;
  readonly told: Told | null;
  readonly actions: readonly Action[];
}

/** An execution in one file: what the page shows of it, and what is exported. */
export interface ExecutionFile extends ExecutionPart {
  readonly schema: "rotor.execution/1";
  readonly place: Place;
  /** DescribeStateMachineForExecution's definition: that of this run. null: it could not be read. */
  readonly definition: unknown;
  readonly events: readonly WireEvent[];
}

/** What an action came to. */
export interface ActionReply {
  readonly done: boolean;
  /** What was said, line by line. */
  readonly said: readonly string[];
  /** The run to look at now: another where one was begun. */
  readonly run: string;
}

/**
 * The addresses, below `http://127.0.0.1:<port>/<token>/`:
 *
 * - GET `api/place` -> Place
 * - GET `api/list/live` -> server-sent events: "part" (ListPart), again and again
 * - GET `api/runs/<name, ARN, or secret>` -> ExecutionFile, or 404 ApiError. `?download` says that it is to be kept as a file
 * - GET `api/runs/<name>/live?after=<event id>` -> server-sent events: "part" (ExecutionPart), "events" (WireEvent[], whose last id is the
 *   message's id, in batches of at most 2,000), "problem" (ApiError: it could not be read just now)
 * - POST `api/runs/<name>/<action>` `{"confirm": "<the secret's name>"}` -> ActionReply
 */
export interface ApiError {
  readonly message: string;
  readonly todo: string | null;
}
