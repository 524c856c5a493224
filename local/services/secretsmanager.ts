import { randomUUID } from "node:crypto";
import type { Clock } from "../clock.ts";
import { type Journal, NO_JOURNAL } from "../journal.ts";
import { batchGetSecretValue } from "./secretsmanager/batch.ts";
import { type Context, storeValue, textOf } from "./secretsmanager/context.ts";
import { describeSecret } from "./secretsmanager/describe.ts";
import { createEvents, type EmittedEvent, type Events as SecretEvents } from "./secretsmanager/events.ts";
import { createKeptSecrets } from "./secretsmanager/kept-secrets.ts";
import { CURRENT } from "./secretsmanager/labels.ts";
import { deleteSecret, restoreSecret, tagResource, untagResource } from "./secretsmanager/lifecycle.ts";
import { listSecrets, listSecretVersionIds } from "./secretsmanager/listing.ts";
import { createOwnerRotations } from "./secretsmanager/owner-rotations.ts";
import { getRandomPassword } from "./secretsmanager/random-password.ts";
import { cancelRotateSecret, rotateOnSchedule, rotateSecret } from "./secretsmanager/rotate.ts";
import { createRotations } from "./secretsmanager/rotation.ts";
import { DEFAULT_RETRY, type RotationRetry } from "./secretsmanager/rotation-retry.ts";
import { createRotationSchedules } from "./secretsmanager/rotation-schedules.ts";
import { validateRules } from "./secretsmanager/schedule.ts";
import { updateSecretVersionStage } from "./secretsmanager/staging.ts";
import { createStore, type EventShape, type RotationRules, type Secret, tag } from "./secretsmanager/store.ts";
import { createSecret, getSecretValue, putSecretValue, updateSecret } from "./secretsmanager/values.ts";
import { defined, type InvokeResult, type Operation, type Place, type Service } from "./service.ts";

export type { RotationRetry } from "./secretsmanager/rotation-retry.ts";

export interface SecretsManagerOptions extends Place {
  readonly clock: Clock;
  /** Called after the change that the event tells of. */
  readonly emit: (event: EmittedEvent) => void;
  /** Lambda's Invoke, synchronous. A rejection counts as a failed step. */
  readonly invoke: (functionArn: string, payload: unknown) => Promise<InvokeResult>;
  /** RotateSecret refuses a function that does not exist. Without this every function exists. */
  readonly functionExists?: (arn: string) => boolean;
  readonly rotation?: Partial<RotationRetry>;
  /** Keeps the secrets and their rotations. Default: they end with the process. */
  readonly journal?: Journal;
}

/** A secret that the public API cannot make. Seeded again, it gets the value and the `rotate` that are given; what it is stays. */
export interface Seed {
  readonly Name: string;
  readonly SecretString: string;
  /** The AWS service that manages the secret: every write but RotateSecret and tags is then refused. */
  readonly OwningService?: string;
  /** The partner's type of a managed external secret. */
  readonly Type?: string;
  /** Another Region than the account's makes the secret a replica: every write but tags is then refused. */
  readonly PrimaryRegion?: string;
  /** Turns managed rotation on. It rotates on this schedule. */
  readonly RotationRules?: RotationRules;
  /**
   * How the owner rotates: the next value from the current one. What it throws is a RotationFailed. Default: the JSON gets
   * a fresh "password".
   */
  readonly rotate?: (current: string) => string | Promise<string>;
  /** Where the rotation events name the secret. Default "additionalEventData". */
  readonly eventShape?: EventShape;
}

export interface SecretsManager extends Service {
  /**
   * Makes a secret as its owner does, without an API call. Of a name that exists it is the owner's rotation: the value
   * becomes AWSCURRENT and RotationStarted and RotationSucceeded are emitted.
   */
  seed(secret: Seed): { ARN: string; Name: string; VersionId: string };
  /** Resolves when no rotation attempt is running or waiting. Schedules are not waited for. */
  idle(): Promise<void>;
  /** Every value that was stored in this process, deleted ones too, and those that it recovered: SecretString as it is, SecretBinary in base64. */
  everyValue(): readonly string[];
  /**
   * Takes back what an earlier process kept. Rotations and schedules go on when `resumed` resolves true; a window that opened
   * meanwhile is made up for, once.
   */
  recover(resumed: Promise<boolean>): void;
  /** Ends all rotations and schedules and begins no more. A function that is running goes on. */
  stop(): void;
}

/**
 * Secrets Manager as far as rotation needs it: versions that are written once, staging labels with compare-and-swap,
 * RotateSecret with its four invocations, retries and refusals, and the events. Requests and replies have the members
 * of AWS's API model; SecretBinary is base64 text.
 *
 * A schedule fires when the account's clock passes the opening of a window; virtual time does not jump to it.
 */
export function createSecretsManager(options: SecretsManagerOptions): SecretsManager {
  const { region, accountId, clock, journal = NO_JOURNAL } = options;
  const place = { region, accountId };
  const now = () => clock.now();
  const store = createStore(place, now);
  const keptSecrets = createKeptSecrets({
    ...{ journal, store, now },
    rotations: () => rotations,
    schedules: () => schedules,
  });
  const { save } = keptSecrets;
  const events = afterSaving(createEvents(place, now, options.emit), journal, save);
  const retry: RotationRetry = { ...DEFAULT_RETRY, ...defined(options.rotation ?? {}) };
  const rotations = createRotations({ clock, events, invoke: options.invoke, retry, changed: save });
  const schedules = createRotationSchedules(clock, (secret) => {
    rotateOnSchedule(context, secret);
    save(secret);
  });
  const functionExists = options.functionExists ?? (() => true);
  const context: Context = {
    ...{ place, now, store, events, rotations, schedules, functionExists, save },
    ownerRotations: createOwnerRotations({
      ...{ clock, events },
      write: (secret, value) => storeValue(context, secret, value),
    }),
    values: new Set(),
  };
  const mutating: Mutating = (eventName, operation) => (input) =>
    journal.together(() => recorded(context, eventName, operation, input));

  return {
    name: "secretsmanager",
    operations: {
      BatchGetSecretValue: (input) => batchGetSecretValue(context, input),
      DescribeSecret: (input) => describeSecret(context, input),
      GetRandomPassword: getRandomPassword,
      GetSecretValue: (input) => getSecretValue(context, input),
      ListSecretVersionIds: (input) => listSecretVersionIds(context, input),
      ListSecrets: (input) => listSecrets(context, input),
      CancelRotateSecret: mutating("CancelRotateSecret", cancelRotateSecret),
      CreateSecret: mutating("CreateSecret", createSecret),
      DeleteSecret: mutating("DeleteSecret", deleteSecret),
      PutSecretValue: mutating("PutSecretValue", putSecretValue),
      RestoreSecret: mutating("RestoreSecret", restoreSecret),
      RotateSecret: mutating("RotateSecret", rotateSecret),
      TagResource: mutating("TagResource", tagResource),
      UntagResource: mutating("UntagResource", untagResource),
      UpdateSecret: mutating("UpdateSecret", updateSecret),
      UpdateSecretVersionStage: mutating("UpdateSecretVersionStage", updateSecretVersionStage),
    },
    seed: (secret) => journal.together(() => seed(context, secret)),
    async idle() {
      await Promise.all([rotations.idle(), context.ownerRotations.idle()]);
    },
    everyValue: () => [...context.values],
    recover(resumed) {
      const versions = keptSecrets.recover(resumed).flatMap((secret) => [...secret.versions.values()]);
      for (const { value } of versions) if (value !== undefined) context.values.add(textOf(value));
    },
    stop() {
      context.schedules.stop();
      context.ownerRotations.stop();
      rotations.stop();
    },
  };
}

type Mutating = <T extends { ARN?: string }>(
  eventName: string,
  operation: (context: Context, input: unknown) => T,
) => Operation;

/** An operation that CloudTrail records, whether it succeeds or fails. */
function recorded<T extends { ARN?: string }>(
  context: Context,
  eventName: string,
  operation: (context: Context, input: unknown) => T,
  // biome-ignore lint/suspicious/noExplicitAny: an operation parses its own input
  input: any,
): T {
  let output: T;
  try {
    output = operation(context, input);
  } catch (error) {
    context.events.apiCall(eventName, input, { error });
    throw error;
  }
  const secret = context.store.lookUp(output.ARN ?? input.SecretId);
  if (secret !== undefined) context.save(secret);
  context.events.apiCall(eventName, input, { arn: output.ARN ?? secret?.arn });
  return output;
}

/** What an event tells of is kept together with it. */
function afterSaving(events: SecretEvents, journal: Journal, save: (secret: Secret) => void): SecretEvents {
  return {
    ...events,
    rotation(eventName, secret, token, errorMessage) {
      journal.together(() => {
        save(secret);
        events.rotation(eventName, secret, token, errorMessage);
      });
    },
    labelsMoved(secret, labels, versionId) {
      journal.together(() => {
        save(secret);
        events.labelsMoved(secret, labels, versionId);
      });
    },
  };
}

function seed(context: Context, { Name, SecretString, OwningService, Type, PrimaryRegion, ...rest }: Seed) {
  if (rest.RotationRules !== undefined) validateRules(rest.RotationRules);
  const token = randomUUID();
  const existing = context.store.byName(Name);
  if (existing !== undefined) seedAgain(existing, { OwningService, Type, PrimaryRegion, ...rest });
  const secret =
    existing ??
    context.store.add({
      name: Name,
      ...defined({ owningService: OwningService, type: Type, primaryRegion: PrimaryRegion }),
      ...defined({ rotateByOwner: rest.rotate, eventShape: rest.eventShape }),
    });
  if (OwningService !== undefined) tag(secret, [{ Key: "aws:secretsmanager:owningService", Value: OwningService }]);
  if (existing) context.events.rotation("RotationStarted", secret, token);
  storeValue(context, secret, { token, value: { SecretString }, labels: [CURRENT] });
  if (existing) {
    secret.lastRotated = context.now();
    context.events.rotation("RotationSucceeded", secret, token);
  }
  if (rest.RotationRules !== undefined) {
    secret.rotationEnabled = true;
    secret.rotationRules = rest.RotationRules;
    context.schedules.arm(secret);
  }
  context.save(secret);
  return { ARN: secret.arn, Name, VersionId: token };
}

/** A function is not kept in a journal, so it may be given again; what the secret is may not differ. */
function seedAgain(
  secret: Secret,
  { OwningService, Type, PrimaryRegion, rotate, eventShape }: Omit<Seed, "Name" | "SecretString">,
) {
  const given = { owningService: OwningService, type: Type, primaryRegion: PrimaryRegion, eventShape };
  const other = Object.entries(given).find(
    ([member, value]) => value !== undefined && secret[member as keyof typeof given] !== value,
  );
  if (other !== undefined)
    throw new Error(`${secret.name} exists with another ${other[0]}: seed it under another name.`);
  if (rotate !== undefined) secret.rotateByOwner = rotate;
}
