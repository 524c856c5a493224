import type { Schema } from "../parse.ts";
import type { PasswordGenerator } from "../password.ts";
import type { Policy } from "../policy.ts";

/** What the target says to a credential. `unreachable` decides nothing: it is neither yes nor no. */
export type SignIn = "accepted" | "rejected" | "unreachable";

/** A connection to the target that is open now. */
export interface Session {
  /** The name the client gave itself (PostgreSQL: application_name). */
  readonly application: string;
  /** The client's network address as the target sees it; "" for a local socket. */
  readonly address: string;
  /** When the session began, on the caller's clock: computed from the age that the target reports, so that a skew between both clocks does not matter. */
  readonly begunAt: Date;
}

/** The values at work in one rotation, each read by VersionId. */
export interface Versions<C> {
  /** The version being rotated in. */
  readonly candidate: C;
  /** The version that was AWSCURRENT before. */
  readonly base: C;
  /** The version that was AWSPREVIOUS before, if it still has a value. */
  readonly previous?: C;
}

/** What a policy says to its strategy. */
export type StrategyPolicy = Pick<Policy, "openSessions" | "rotationFunctionArn">;

export interface RotationContext {
  readonly secretArn: string;
  /** VersionId of the candidate. */
  readonly versionId: string;
  readonly policy: StrategyPolicy;
  /**
   * Reads AWSCURRENT of another secret, such as the administrator's (`masterarn`).
   * @throws RotationError AccessDenied, SecretNotFound, ConfigurationInvalid (not JSON), Throttled, ServiceUnavailable
   */
  readonly readSecret: (secretId: string) => Promise<unknown>;
  /** How long one connection attempt or statement may take, in milliseconds. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/**
 * How a kind of credential is changed at its target. One file each; the file's name is `name`; registered by one export
 * line in `index.ts`; held to `test/contracts/strategy.ts`.
 *
 * Every method may be repeated, may be cut off at any point, and throws `RotationError` only: CredentialRejected,
 * CredentialDrift, AccessDenied, ConfigurationInvalid (terminal), TargetUnavailable, Throttled (retryable). No message
 * carries a credential.
 */
export interface RotationStrategy<C = unknown> {
  readonly name: string;
  /**
   * AWS's name for the scheme, and ours where AWS has none. All but "single-user" have overlap: the base goes on
   * signing in while the candidate is set.
   */
  readonly scheme: "single-user" | "alternating-users" | "dual" | "replace";
  /**
   * Shape of the SecretString: AWS's documented JSON for that engine. Unknown keys are kept. A schema of `zod/mini`; one of `zod` is
   * taken as well, and makes each bundle 18 kB larger.
   */
  readonly credential: Schema<C>;
  /** Derives the candidate from the current credential. Pure. */
  createSecret(current: C, generate: PasswordGenerator): C;
  /** Makes the target accept `candidate`. Refuses (ConfigurationInvalid) a candidate for another host or user than base allows. */
  setSecret(versions: Versions<C>, context: RotationContext): Promise<void>;
  /** Signs in with `credential` and does one permitted thing. */
  testSecret(credential: C, context: RotationContext): Promise<void>;
  /** Compensates setSecret, also when it never ran or ran half: the target is as before, and base has signed in. */
  rollbackSecret(versions: Versions<C>, context: RotationContext): Promise<void>;
  /** One attempt to sign in, for the truth table. Never throws for what the target says. */
  signIn(credential: C, context: RotationContext): Promise<SignIn>;
  /** The open sessions of the credential's user, as the target sees them. Absent: this target cannot tell. */
  sessions?(credential: C, context: RotationContext): Promise<readonly Session[]>;
}

/** Infers the credential type from the schema, and keeps every member checked. */
export function defineStrategy<C>(strategy: RotationStrategy<C>): RotationStrategy<C> {
  return strategy;
}

/** A strategy with overlap can be rolled back by labels first: both credentials open the door meanwhile. */
export function hasOverlap(strategy: Pick<RotationStrategy, "scheme">): boolean {
  return strategy.scheme !== "single-user";
}
