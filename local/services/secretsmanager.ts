import { randomUUID } from "node:crypto";
import type { Clock } from "../clock.ts";
import { batchGetSecretValue } from "./secretsmanager/batch.ts";
import { type Context, storeValue } from "./secretsmanager/context.ts";
import { describeSecret } from "./secretsmanager/describe.ts";
import { createEvents, type EmittedEvent } from "./secretsmanager/events.ts";
import { CURRENT } from "./secretsmanager/labels.ts";
import { deleteSecret, restoreSecret, tagResource, untagResource } from "./secretsmanager/lifecycle.ts";
import { listSecrets, listSecretVersionIds } from "./secretsmanager/listing.ts";
import { createOwnerRotations } from "./secretsmanager/owner-rotations.ts";
import { getRandomPassword } from "./secretsmanager/random-password.ts";
import { cancelRotateSecret, rotateOnSchedule, rotateSecret } from "./secretsmanager/rotate.ts";
import { createRotations, type RotationRetry } from "./secretsmanager/rotation.ts";
import { createRotationSchedules } from "./secretsmanager/rotation-schedules.ts";
import { validateRules } from "./secretsmanager/schedule.ts";
import { updateSecretVersionStage } from "./secretsmanager/staging.ts";
import { createStore, type EventShape, type RotationRules } from "./secretsmanager/store.ts";
import { createSecret, getSecretValue, putSecretValue, updateSecret } from "./secretsmanager/values.ts";
import { defined, type InvokeResult, type Operation, type Place, type Service } from "./service.ts";

export type { RotationRetry } from "./secretsmanager/rotation.ts";

export interface SecretsManagerOptions extends Place {
  readonly clock: Clock;
  /** Called after the change that the event tells of. */
  readonly emit: (event: EmittedEvent) => void;
  /** Lambda's Invoke, synchronous. A rejection counts as a failed step. */
  readonly invoke: (functionArn: string, payload: unknown) => Promise<InvokeResult>;
  /** RotateSecret refuses a function that does not exist. Without this every function exists. */
  readonly functionExists?: (arn: string) => boolean;
  readonly rotation?: Partial<RotationRetry>;
}

/** A secret that the public API cannot make. */
export interface Seed {
  readonly Name: string;
  readonly SecretString: string;
  /** The AWS service that manages the secret: every write but RotateSecret is then refused. */
  readonly OwningService?: string;
  /** The partner's type of a managed external secret. */
  readonly Type?: string;
  /** Another Region than the account's makes the secret a replica: every write is then refused. */
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
  /** Every value ever stored, oldest first: SecretString as it is, SecretBinary in base64. */
  everyValue(): readonly string[];
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
  const { region, accountId, clock } = options;
  const place = { region, accountId };
  const now = () => clock.now();
  const events = createEvents(place, now, options.emit);
  const retry: RotationRetry = { ...DEFAULT_RETRY, ...defined(options.rotation ?? {}) };
  const rotations = createRotations({ clock, events, invoke: options.invoke, retry });
  const functionExists = options.functionExists ?? (() => true);
  const context: Context = {
    place,
    now,
    store: createStore(place, now),
    events,
    rotations,
    ownerRotations: createOwnerRotations({
      ...{ clock, events },
      write: (secret, value) => storeValue(context, secret, value),
    }),
    schedules: createRotationSchedules(clock, (secret) => rotateOnSchedule(context, secret)),
    values: new Set(),
    functionExists,
  };

  return {
    name: "secretsmanager",
    operations: {
      BatchGetSecretValue: (input) => batchGetSecretValue(context, input),
      DescribeSecret: (input) => describeSecret(context, input),
      GetRandomPassword: getRandomPassword,
      GetSecretValue: (input) => getSecretValue(context, input),
      ListSecretVersionIds: (input) => listSecretVersionIds(context, input),
      ListSecrets: (input) => listSecrets(context, input),
      CancelRotateSecret: mutating(context, "CancelRotateSecret", cancelRotateSecret),
      CreateSecret: mutating(context, "CreateSecret", createSecret),
      DeleteSecret: mutating(context, "DeleteSecret", deleteSecret),
      PutSecretValue: mutating(context, "PutSecretValue", putSecretValue),
      RestoreSecret: mutating(context, "RestoreSecret", restoreSecret),
      RotateSecret: mutating(context, "RotateSecret", rotateSecret),
      TagResource: mutating(context, "TagResource", tagResource),
      UntagResource: mutating(context, "UntagResource", untagResource),
      UpdateSecret: mutating(context, "UpdateSecret", updateSecret),
      UpdateSecretVersionStage: mutating(context, "UpdateSecretVersionStage", updateSecretVersionStage),
    },
    seed: (secret) => seed(context, secret),
    async idle() {
      await Promise.all([rotations.idle(), context.ownerRotations.idle()]);
    },
    everyValue: () => [...context.values],
    stop() {
      context.schedules.stop();
      context.ownerRotations.stop();
      rotations.stop();
    },
  };
}

const DEFAULT_RETRY: RotationRetry = { attempts: 2, delaySeconds: 60, form: "pending-put-back", afterCancel: "end" };

/** An operation that CloudTrail records, whether it succeeds or fails. */
function mutating<T extends { ARN?: string }>(
  context: Context,
  eventName: string,
  operation: (context: Context, input: unknown) => T,
): Operation {
  return (input) => {
    let output: T;
    try {
      output = operation(context, input);
    } catch (error) {
      context.events.apiCall(eventName, input, { error });
      throw error;
    }
    const arn = output.ARN ?? context.store.lookUp(input.SecretId)?.arn;
    context.events.apiCall(eventName, input, { arn });
    return output;
  };
}

function seed(context: Context, { Name, SecretString, OwningService, Type, PrimaryRegion, ...rest }: Seed) {
  if (rest.RotationRules !== undefined) validateRules(rest.RotationRules);
  const token = randomUUID();
  const existing = context.store.byName(Name);
  const secret =
    existing ??
    context.store.add({
      name: Name,
      ...defined({ owningService: OwningService, type: Type, primaryRegion: PrimaryRegion }),
      ...defined({ rotateByOwner: rest.rotate, eventShape: rest.eventShape }),
    });
  if (OwningService !== undefined) secret.tags.set("aws:secretsmanager:owningService", OwningService);
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
  return { ARN: secret.arn, Name, VersionId: token };
}
