import { GetSecretValueCommand, type SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { fromAwsError } from "./aws.ts";
import { RotationError } from "./errors.ts";
import { parse } from "./parse.ts";
import type { RotationContext, RotationStrategy, StrategyPolicy } from "./strategies/strategy.ts";
import { readVersion } from "./versions/secret.ts";

/** What a step needs to reach a credential's target. */
export interface Target {
  readonly client: SecretsManagerClient;
  readonly strategy: RotationStrategy;
  readonly secretArn: string;
  readonly token: string;
  readonly policy: StrategyPolicy;
  readonly timeoutMs: number;
}

/**
 * Reads and parses one version's credential.
 * @throws RotationError ConfigurationInvalid naming the field, never its value; and what readVersion throws
 */
export async function readCredential(
  target: Target,
  versionId: string,
): Promise<{ credential: unknown; labels: readonly string[] }> {
  const { value, labels } = await readVersion(target.client, target.secretArn, versionId);
  return { credential: parseCredential(target.strategy, value, `Version ${versionId} of ${target.secretArn}`), labels };
}

/**
 * The same of a version that a rotation can do without: undefined where there is no such version, it has no value (any
 * more), or its value is not what the strategy needs. Only reads.
 * @throws RotationError SecretNotFound, AccessDenied, Throttled, ServiceUnavailable
 */
export async function readCredentialIfAny(target: Target, versionId: string | undefined): Promise<unknown> {
  if (versionId === undefined) return undefined;
  try {
    return (await readCredential(target, versionId)).credential;
  } catch (error) {
    if (error instanceof RotationError && ["VersionNotVisible", "ConfigurationInvalid"].includes(error.name))
      return undefined;
    throw error;
  }
}

/**
 * What a strategy makes of a secret's text. Pure.
 * @param what begins the message, such as "Version <id> of <ARN>"
 * @throws RotationError ConfigurationInvalid naming the field, never its value
 */
export function parseCredential(strategy: RotationStrategy, value: string, what: string): unknown {
  const parsed = parse(strategy.credential, strategy.text ? value : parseJson(value, what));
  if (parsed.success) return parsed.data;
  throw new RotationError(
    "ConfigurationInvalid",
    `${what} is not what strategy ${strategy.name} needs. ${parsed.problems} Put a corrected value; the target was not touched.`,
  );
}

/** How long a strategy's method may take, in milliseconds. */
export function stepMs({ timeoutMs }: Pick<Target, "timeoutMs">): number {
  return timeoutMs * 6;
}

/**
 * What a strategy is handed along with the credentials. Its `signal` starts to run now and aborts when a step's time is over, so
 * every step makes its own. `readSecret` reads AWSCURRENT afresh at each call.
 * @throws RotationError from `readSecret` only: ConfigurationInvalid (no JSON that can be used), SecretNotFound, AccessDenied, Throttled,
 *   ServiceUnavailable
 */
export function rotationContext(target: Target): RotationContext {
  return {
    secretArn: target.secretArn,
    versionId: target.token,
    policy: target.policy,
    readSecret: (secretId) => readCurrent(target.client, secretId),
    timeoutMs: target.timeoutMs,
    signal: AbortSignal.timeout(stepMs(target)),
  };
}

/** Another secret's AWSCURRENT, such as the administrator's. Read afresh each time: it may have been rotated itself. */
async function readCurrent(client: SecretsManagerClient, secretId: string): Promise<unknown> {
  const reply = await client
    .send(new GetSecretValueCommand({ SecretId: secretId }))
    .catch((error: unknown) => Promise.reject(fromAwsError(error, `secretsmanager:GetSecretValue on ${secretId}`)));
  return parseJson(reply.SecretString ?? "", `AWSCURRENT of ${secretId}`);
}

/**
 * What cannot be handed on as it is, is refused: a `__proto__` would be missing in the next version, and what is nested without
 * end could not be written as JSON again. Below the top, a `__proto__` is a key as any other.
 */
function parseJson(value: string, what: string): unknown {
  const parsed = jsonIn(value);
  if (parsed === undefined) throw refused(`${what} is not JSON. Put a value that is a JSON object`);
  if (Object.hasOwn(Object(parsed.json), "__proto__")) {
    throw refused(`${what} has a key "__proto__", which no new version could keep. Put a value without it`);
  }
  if (isDeeper(parsed.json, MOST_LEVELS)) {
    throw refused(`${what} is nested more than ${MOST_LEVELS} levels deep. Put a value that is not`);
  }
  return parsed.json;
}

/** The parser's own message is left out: it would repeat a piece of the value. */
function jsonIn(value: string): { readonly json: unknown } | undefined {
  try {
    return { json: JSON.parse(value) };
  } catch {
    return undefined;
  }
}

function refused(message: string): RotationError {
  return new RotationError("ConfigurationInvalid", `${message}; the target was not touched.`);
}

/** Far from where JSON.stringify, which calls itself for each level, runs out of stack. */
const MOST_LEVELS = 100;

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  return levels === 0 || Object.values(value).some((each) => isDeeper(each, levels - 1));
}
