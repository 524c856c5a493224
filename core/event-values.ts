/** What single values of an event are, which may be anything. Every test is anchored and bounded: linear time. */

export interface EventPlace {
  readonly account: string;
  readonly region: string;
}

const NAME = /^[\w/+=.@!-]{1,512}$/;
const SECRET_ARN = /^arn:aws[a-z-]{0,16}:secretsmanager:([a-z0-9-]{1,32}):(\d{12}):secret:[\w/+=.@!-]{1,519}$/;
const STATE_MACHINE_ARN = /^arn:aws[a-z-]{0,16}:states:([a-z0-9-]{1,32}):(\d{12}):stateMachine:[\w-]{1,80}$/;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/;

/** A name is looked up in this account and Region; an ARN, perhaps a partial one, has to be of them. */
export function isOwnSecret(secretId: unknown, place: EventPlace): secretId is string {
  if (isSecretName(secretId)) return true;
  const found = placeOfSecret(secretId);
  return found?.account === place.account && found.region === place.region;
}

export function isSecretName(value: unknown): value is string {
  return typeof value === "string" && NAME.test(value);
}

/** The account and Region in a secret's ARN; undefined when it is none. */
export function placeOfSecret(arn: unknown): EventPlace | undefined {
  return placeIn(arn, SECRET_ARN);
}

export function isOwnStateMachine(arn: unknown, place: EventPlace): arn is string {
  const found = placeIn(arn, STATE_MACHINE_ARN);
  return found?.account === place.account && found.region === place.region;
}

/** AWS says of a version's id no more than how long it is (Secrets Manager, PutSecretValue). */
export function isVersionId(value: unknown): value is string {
  return typeof value === "string" && /^[\x21-\x7e]{32,64}$/.test(value);
}

/** An ISO 8601 time with an offset; undefined when it is none. */
export function parseTime(text: unknown): Date | undefined {
  if (typeof text !== "string" || !TIME.test(text)) return undefined;
  const time = new Date(text);
  return Number.isNaN(time.getTime()) ? undefined : time;
}

/** The member of that name, if it is an object. */
export function objectIn(
  of: Readonly<Record<string, unknown>>,
  key: string,
): Readonly<Record<string, unknown>> | undefined {
  const value = of[key];
  return isObject(value) ? value : undefined;
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

function placeIn(arn: unknown, pattern: RegExp): EventPlace | undefined {
  const [, region, account] = (typeof arn === "string" && pattern.exec(arn)) || [];
  return region === undefined || account === undefined ? undefined : { region, account };
}
