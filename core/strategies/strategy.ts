import type { Schema } from "../parse.ts";
import type { PasswordGenerator } from "../password.ts";
import type { Policy } from "../policy.ts";

/**
 * What the target says to a credential. `unreachable` and `unknown` decide nothing: they are neither yes nor no. Unknown is what
 * nobody here can ask the target, or what it has answered in a way that may mean anything.
 */
export type SignIn = "accepted" | "rejected" | "unreachable" | "unknown";

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
export type StrategyPolicy = Pick<
  Policy,
  "administratorSecretId" | "openSessions" | "rotationFunctionArn" | "sharedOwner"
>;

export interface RotationContext {
  readonly secretArn: string;
  /** VersionId of the candidate. */
  readonly versionId: string;
  readonly policy: StrategyPolicy;
  /** In testSecret only: the credential is AWSCURRENT's, and nothing is rotated, so that there is nothing to compare it with. */
  readonly isTestRotation?: boolean;
  /** In setSecret only: one sentence that people are told when the rotation has ended, if setSecret worked. No credential in it. */
  readonly remark?: (sentence: string) => void;
  /**
   * Reads AWSCURRENT of another secret, such as the administrator's (`masterarn`).
   * @throws RotationError AccessDenied, SecretNotFound, ConfigurationInvalid (not JSON), Throttled, ServiceUnavailable
   */
  readonly readSecret: (secretId: string) => Promise<unknown>;
  /** How long one connection attempt or statement may take, in milliseconds. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Only while a version is taken back. */
  readonly labels?: LentLabels;
}

/**
 * Staging labels that RollBack lends, for a target that is reached only through a party which finds the values by their labels. No
 * event tells anybody of AWSPENDING and AWSPREVIOUS. Whatever is lent may be asked for again, and stays with its borrower when that
 * is cut off: the next attempt takes it from there.
 *
 * Each throws RotationError VersionNotVisible (somebody else has the label, or a read is stale), ConfigurationInvalid (a quota),
 * AccessDenied, Throttled, ServiceUnavailable.
 */
export interface LentLabels {
  /**
   * Runs `work` while AWSPENDING is on a copy of the version that is to be live, whose id it is given: that version itself may hold
   * AWSCURRENT. On no version afterwards.
   */
  withBasePending<T>(work: (versionId: string) => Promise<T>): Promise<T>;
  /** The same with the candidate itself. Undefined, and `work` is not run, where that holds AWSCURRENT. */
  withCandidatePending<T>(work: (versionId: string) => Promise<T>): Promise<T | undefined>;
  /** Puts AWSPREVIOUS on the candidate, until RollBack puts it where it was. Only when the candidate is known to sign in. */
  candidateToPrevious(): Promise<void>;
}

/**
 * How a kind of credential is changed at its target. One file each; the file's name is `name`; registered by one export
 * line in `index.ts`; held to `test/contracts/strategy.ts`.
 *
 * Every method may be repeated, may be cut off at any point, and throws `RotationError` only: CredentialRejected,
 * CredentialDrift, AccessDenied, ConfigurationInvalid, in setSecret SessionsOpen (terminal), TargetUnavailable, Throttled
 * (retryable). No message carries a credential.
 */
export interface RotationStrategy<C = unknown> {
  readonly name: string;
  /**
   * AWS's name for the scheme, and ours where AWS has none. All but "single-user" have overlap: the base goes on
   * signing in while the candidate is set.
   */
  readonly scheme: "single-user" | "alternating-users" | "dual" | "replace";
  /**
   * The SecretString is a bare text, which is the credential as it stands, and createSecret gives such a text. Absent: it is JSON.
   */
  readonly text?: true;
  /**
   * The target is reached through somebody else's program, which works on when a step is cut off, for as long again as a step has: only
   * after that a rollback proves what is live. And it is lent labels, so that the secret needs room for one more.
   */
  readonly isIndirect?: true;
  /**
   * Shape of the SecretString: AWS's documented JSON for that engine. Unknown keys are kept. A schema of `zod/mini`; one of `zod` is
   * taken as well, and makes each bundle 18 kB larger.
   */
  readonly credential: Schema<C>;
  /**
   * Whether the strategy can work at all, asked before the candidate exists: whatever it throws, nothing was touched. Changes nothing.
   * Absent: it needs nothing but its target.
   */
  check?(context: RotationContext): Promise<void>;
  /** Derives the candidate from the current credential. Pure. */
  createSecret(current: C, generate: PasswordGenerator): C;
  /** Makes the target accept `candidate`. Refuses (ConfigurationInvalid) a candidate for another host or user than base allows. */
  setSecret(versions: Versions<C>, context: RotationContext): Promise<void>;
  /** Signs in with `credential` and does one permitted thing. May see whether its user may do what the user before may. */
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
