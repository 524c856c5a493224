import { shownMembers } from "./services/secretsmanager/members.ts";
import { AwsError } from "./services/service.ts";

/** One call of an AWS operation, through the wire or between two services of the account. */
export interface Call {
  /** "secretsmanager", "states", "events", "sns", "lambda", "sts", "cloudtrail" */
  readonly service: string;
  readonly operation: string;
  readonly input: unknown;
  /** The function that made it, or the service ("states", "secretsmanager", "events"); absent for any other client. */
  readonly caller?: string;
}

export interface InterceptedCall extends Call {
  /** "before": nothing has happened yet. "after": it took effect, and the caller has not heard of it. */
  readonly phase: "before" | "after";
  /** What the operation returned; only in phase "after". An operation that failed has no such phase. */
  readonly output?: unknown;
  /** The SDK's identifier of the call, the same in each of its attempts; absent for a service and for clients that send none. */
  readonly attemptOf?: string;
}

/**
 * Sees every call, and may change its fate: throw an AwsError (the caller gets it), throw ConnectionLost (the caller's
 * connection breaks), or return a reply, which replaces the operation's own (in phase "before" the operation is not run).
 */
export type Interceptor = (
  call: InterceptedCall,
  // biome-ignore lint/suspicious/noConfusingVoidType: most hooks only look, and return nothing
) => Promise<Replacement | undefined | void> | Replacement | undefined | void;

export interface Replacement {
  readonly reply: unknown;
}

/** Thrown by an interceptor: the caller never gets an answer. */
export class ConnectionLost extends Error {
  override readonly name = "ConnectionLost";
}

export interface Calls {
  /** Records the call, shows it to the interceptors, in the order they came, and runs it. */
  perform(call: Call, run: () => unknown, attemptOf?: string): Promise<unknown>;
  intercept(hook: Interceptor): Disposable;
  /** How many calls there were. */
  count(): number;
  /** Every call so far, without secret values; the newest 100,000 are kept. */
  recorded(): readonly Call[];
}

const KEPT = 100_000;
const SECRET_MEMBERS = new Set(["SecretString", "SecretBinary", "RotationToken"]);

export function createCalls(): Calls {
  const hooks = new Set<Interceptor>();
  const recorded: Call[] = [];
  let count = 0;
  return {
    async perform(call, run, attemptOf) {
      const shown = attemptOf === undefined ? call : { ...call, attemptOf };
      count++;
      const isSecretsManager = call.service === "secretsmanager";
      recorded.push({ ...call, input: isSecretsManager ? shownMembers(call.input) : withoutSecrets(call.input) });
      if (recorded.length > KEPT) recorded.shift();
      const before = await ask([...hooks], { ...shown, phase: "before" });
      if (before !== undefined) return before.reply;
      const output = await run();
      const after = await ask([...hooks], { ...shown, phase: "after", output });
      return after === undefined ? output : after.reply;
    },
    intercept(hook) {
      // A hook of its own for each registration: the same function may be registered twice.
      const registered: Interceptor = (call) => hook(call);
      hooks.add(registered);
      return { [Symbol.dispose]: () => void hooks.delete(registered) };
    },
    count: () => count,
    recorded: () => recorded,
  };
}

/** A call that a service makes for itself has no connection that could break: it gets what an SDK makes of that. */
export async function asServiceCall<T>(performed: Promise<unknown>): Promise<T> {
  try {
    return (await performed) as T;
  } catch (error) {
    if (!(error instanceof ConnectionLost)) throw error;
    throw new AwsError("SdkClientException", "Unable to execute HTTP request: Connection reset", 500);
  }
}

async function ask(hooks: readonly Interceptor[], call: InterceptedCall): Promise<Replacement | undefined> {
  for (const hook of hooks) {
    const answer = await hook(call);
    if (answer) return answer;
  }
  return undefined;
}

function withoutSecrets(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutSecrets);
  if (value === null || typeof value !== "object" || value instanceof Date || value instanceof Uint8Array) return value;
  const kept = Object.entries(value).filter(([key]) => !SECRET_MEMBERS.has(key));
  return Object.fromEntries(kept.map(([key, each]) => [key, withoutSecrets(each)]));
}
