import { randomInt } from "node:crypto";
import type { Place } from "../service.ts";
import { invalidName, managedElsewhere, markedForDeletion, replicaReadOnly, secretNotFound } from "./errors.ts";

/** The content of a version. SecretBinary is base64 text, as it travels on the wire. */
export type SecretValue = { readonly SecretString: string } | { readonly SecretBinary: string };

export interface Version {
  readonly id: string;
  /** Milliseconds since the epoch, like every time in the store. */
  readonly created: number;
  /** Written once. Absent: the placeholder that RotateSecret makes. */
  value?: SecretValue;
  lastAccessed?: number;
}

export interface RotationRules {
  readonly AutomaticallyAfterDays?: number | undefined;
  readonly Duration?: string | undefined;
  readonly ScheduleExpression?: string | undefined;
}

/** Both are reported of real events of managed secrets; `additionalEventData` is AWS's sample. */
export type EventShape = "additionalEventData" | "serviceEventDetails";

export interface Secret {
  readonly arn: string;
  readonly name: string;
  readonly created: number;
  readonly owningService?: string | undefined;
  readonly type?: string | undefined;
  readonly primaryRegion?: string | undefined;
  /** Managed rotation: the next value, from the current one. */
  rotateByOwner?: ((current: string) => string | Promise<string>) | undefined;
  /** Where the service's own events name the secret. */
  readonly eventShape?: EventShape | undefined;
  description?: string | undefined;
  kmsKeyId?: string | undefined;
  /** Absent: never tagged. AWS tells that from having no tag any more. */
  tags?: Map<string, string>;
  /** By version id, in order of creation. */
  readonly versions: Map<string, Version>;
  /** Staging label to version id: a label is on one version by construction. */
  readonly labels: Map<string, string>;
  lastChanged: number;
  lastAccessed?: number;
  lastRotated?: number;
  /** When a value last became AWSCURRENT by a write, or the rotation was last configured: schedules count from here. */
  scheduleFrom: number;
  /** Windows that opened before are over: they were looked at, or opened when the secret had no schedule. */
  watchedFrom?: number;
  /** Set once the secret is scheduled for deletion: from then on it can be gone. */
  deletionDate?: number;
  rotationEnabled?: boolean;
  rotationLambdaArn?: string;
  rotationRules?: RotationRules;
}

export interface NewSecret {
  readonly name: string;
  readonly description?: string | undefined;
  readonly kmsKeyId?: string | undefined;
  readonly owningService?: string | undefined;
  readonly type?: string | undefined;
  readonly primaryRegion?: string | undefined;
  readonly rotateByOwner?: ((current: string) => string | Promise<string>) | undefined;
  readonly eventShape?: EventShape | undefined;
}

export interface Store {
  add(secret: NewSecret): Secret;
  /** Takes back a secret of an earlier process. */
  put(secret: Secret): void;
  remove(secret: Secret): void;
  /** In order of creation, those scheduled for deletion included. */
  all(): readonly Secret[];
  byName(name: string): Secret | undefined;
  /** By name, complete ARN or partial ARN. @throws ValidationException (what no secret can be called) */
  lookUp(secretId: string): Secret | undefined;
  /** Like `lookUp`. @throws ResourceNotFoundException, ValidationException */
  find(secretId: string): Secret;
  /** Like `find`. @throws ResourceNotFoundException, InvalidRequestException (marked for deletion) */
  readable(secretId: string): Secret;
  /** Like `readable`. @throws InvalidParameterException (a replica) */
  primary(secretId: string): Secret;
  /** Like `primary`. @throws InvalidRequestException (another service owns it) */
  writable(secretId: string): Secret;
  /** Like `writable`, and also one that is marked for deletion. */
  restorable(secretId: string): Secret;
}

export function createStore(place: Place, now: () => number): Store {
  const secrets = new Map<string, Secret>();
  const arnPrefix = `arn:aws:secretsmanager:${place.region}:${place.accountId}:secret:`;

  function byName(name: string): Secret | undefined {
    const secret = secrets.get(name);
    if (secret?.deletionDate === undefined || secret.deletionDate > now()) return secret;
    secrets.delete(name); // the recovery window is over
    return undefined;
  }

  function lookUp(secretId: string): Secret | undefined {
    if (secretId.startsWith("arn:")) return byArn(secretId);
    assertName(secretId);
    return byName(secretId);
  }

  function find(secretId: string): Secret {
    const secret = lookUp(secretId);
    if (!secret) throw secretNotFound();
    return secret;
  }

  /**
   * A partial ARN leaves out the hyphen and the six random characters. One that ends in a hyphen and six characters is
   * taken for a complete ARN and not found (user guide, "Finding a secret from a partial ARN").
   */
  function byArn(arn: string): Secret | undefined {
    if (!arn.startsWith(arnPrefix)) return undefined;
    const tail = arn.slice(arnPrefix.length);
    if (!SUFFIX.test(tail)) return byName(tail);
    const secret = byName(tail.replace(SUFFIX, ""));
    return secret?.arn === arn ? secret : undefined;
  }

  function readable(secretId: string): Secret {
    const secret = find(secretId);
    if (secret.deletionDate !== undefined) throw markedForDeletion();
    return secret;
  }

  function primaryOf(secret: Secret): Secret {
    if (secret.primaryRegion !== undefined && secret.primaryRegion !== place.region) throw replicaReadOnly();
    return secret;
  }

  function writableOf(secret: Secret): Secret {
    if (secret.owningService !== undefined) throw managedElsewhere();
    return primaryOf(secret);
  }

  return {
    add({ name, ...rest }) {
      const created = now();
      const arn = `${arnPrefix}${name}-${arnSuffix()}`;
      const maps = { versions: new Map(), labels: new Map() };
      const secret: Secret = { arn, name, created, lastChanged: created, scheduleFrom: created, ...maps, ...rest };
      secrets.set(name, secret);
      return secret;
    },
    put: (secret) => void secrets.set(secret.name, secret),
    remove: (secret) => void secrets.delete(secret.name),
    all: () => [...secrets.keys()].flatMap((name) => byName(name) ?? []),
    byName,
    lookUp,
    find,
    readable,
    primary: (secretId) => primaryOf(readable(secretId)),
    writable: (secretId) => writableOf(readable(secretId)),
    restorable: (secretId) => writableOf(find(secretId)),
  };
}

/** @throws ValidationException */
export function assertName(name: string): void {
  if (!/^[A-Za-z0-9/_+=.@!-]+$/.test(name)) throw invalidName();
}

/** Adds tags, or replaces their values. */
export function tag(secret: Secret, tags: readonly { readonly Key: string; readonly Value: string }[]): void {
  if (tags.length > 0) secret.tags ??= new Map();
  for (const { Key, Value } of tags) secret.tags?.set(Key, Value);
}

const SUFFIX = /-[A-Za-z0-9]{6}$/;
const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

function arnSuffix(): string {
  return Array.from({ length: 6 }, () => ALPHABET[randomInt(ALPHABET.length)]).join("");
}
