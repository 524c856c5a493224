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
 * - `claimed`: the dependent itself says that its newest authentication used the version. Becomes strong only when the
 *   target confirms it.
 * - `weak`: it is healthy, and nothing is known of the version it uses.
 */
export interface Evidence {
  readonly strength: "strong" | "claimed" | "weak";
  /** One sentence for people. Built from ids, codes and times, never from a response body. */
  readonly seen: string;
}

/**
 * A kind of thing that uses a secret. One file each; the file's name is `kind`; registered by one export line in
 * `index.ts`; held to `test/contracts/dependent.ts`.
 *
 * Methods throw `RotationError` only: DependentNotReady (verify: ask again), DependentUnhealthy (terminal), Throttled,
 * TargetUnavailable (probe, refresh: it gave no usable answer), ConfigurationInvalid. Each may be repeated. Each ends when `signal` aborts.
 */
export interface DependentKind<T = unknown> {
  readonly kind: string;
  /** How to address one of them: a schema of `zod/mini`; one of `zod` is taken as well, and makes each bundle 18 kB larger. */
  readonly target: Schema<T>;
  /** Proves, before promotion, that the dependent can sign in with the candidate. */
  probe?(target: T, candidate: SecretChange, signal: AbortSignal): Promise<void>;
  /** Asks it to pick up the version. Returns once the request is accepted. */
  refresh?(target: T, change: SecretChange, signal: AbortSignal): Promise<void>;
  /** Returns once it was seen using the version. */
  verify(target: T, change: SecretChange, signal: AbortSignal): Promise<Evidence>;
  /** Whether this target offers a probe. Absent: it does whenever `probe` exists. */
  canProbe?(target: T): boolean;
}

export function defineDependent<T>(kind: DependentKind<T>): DependentKind<T> {
  return kind;
}
