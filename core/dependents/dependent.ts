import type { Schema } from "../parse.ts";

/** Which version a dependent is asked about. Ids only: a dependent is never handed a value. */
export interface SecretChange {
  readonly secretArn: string;
  readonly secretName: string;
  readonly versionId: string;
}

/**
 * What was seen of a dependent.
 * - `strong`: an authentication with the version was observed by somebody other than the dependent.
 * - `claimed`: the dependent itself, or the service that runs it, says that it uses the version. Becomes strong only when the
 *   target confirms it.
 * - `weak`: it is healthy, and nothing is known of the version it uses.
 */
export interface Evidence {
  readonly strength: "strong" | "claimed" | "weak";
  /** One sentence for people. Built from ids, codes and times, never from a response body. */
  readonly seen: string;
}

/** What a kind is lent by the function that calls it: a kind that asks for nothing of AWS brings no AWS client. */
export interface DependentTools {
  /**
   * The key with which requests are signed, AWSCURRENT of its secret, read afresh each time. Absent: this function may read none.
   * @throws RotationError ConfigurationInvalid (no such secret, no key in it), AccessDenied, Throttled, ServiceUnavailable
   */
  readonly readKey?: (secretId: string, signal: AbortSignal) => Promise<Buffer>;
}

/**
 * A kind of thing that uses a secret. One file each; the file's name is `kind`; registered by one export line in
 * `index.ts`; held to `test/contracts/dependent.ts`.
 *
 * Methods throw `RotationError` only. Each may be repeated, and cut off anywhere. Each ends when `signal` aborts.
 * - verify: DependentNotReady (ask again; also when there was no usable answer), DependentUnhealthy (asking again is of no use),
 *   ConfigurationInvalid, AccessDenied
 * - check, probe, refresh: DependentUnhealthy (it says no), Throttled, TargetUnavailable, ServiceUnavailable (no usable answer),
 *   ConfigurationInvalid, AccessDenied
 */
export interface DependentKind<T = unknown> {
  readonly kind: string;
  /** How to address one of them: a schema of `zod/mini`; one of `zod` is taken as well, and makes each bundle 18 kB larger. */
  readonly target: Schema<T>;
  /** The AWS actions that it calls. Absent: none. */
  readonly actions?: readonly DependentAction<T>[];
  /** Before anything is touched: whether this target could follow the secret at all. Only reads. Absent: nothing can be said. */
  check?(target: T, secret: Omit<SecretChange, "versionId">, signal: AbortSignal): Promise<void>;
  /** Proves, before promotion, that the dependent can sign in with the candidate. */
  probe?(target: T, candidate: SecretChange, signal: AbortSignal, tools?: DependentTools): Promise<void>;
  /** Asks it to pick up the version. Returns once the request is accepted. */
  refresh?(target: T, change: SecretChange, signal: AbortSignal, tools?: DependentTools): Promise<void>;
  /** Returns once it was seen using the version. */
  verify(target: T, change: SecretChange, signal: AbortSignal): Promise<Evidence>;
  /** Whether this target offers a probe. Absent: it does whenever `probe` exists. */
  canProbe?(target: T): boolean;
}

/** What a kind is asked for. */
export type DependentMethod = "check" | "probe" | "refresh" | "verify";

/** One right that the role of the function which speaks to dependents needs: see core/dependent-grants.ts. */
export interface DependentAction<T = unknown> {
  /** IAM's own name, such as "ecs:UpdateService". */
  readonly action: string;
  /** Which methods call it for this target: a dry run says so. Absent: each may. */
  during?(target: T): readonly DependentMethod[];
  /** On which resources; "*" where IAM knows none for the action. None: this target does not need it. */
  on(target: T, arn: Arn): readonly string[];
  /** The conditions that the grant has to have, as IAM writes them. Absent: none. */
  when?(target: T, arn: Arn): Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;
}

/** An ARN in the deployment's account and Region. */
export type Arn = (service: string, resource: string) => string;

export function defineDependent<T>(kind: DependentKind<T>): DependentKind<T> {
  return kind;
}
