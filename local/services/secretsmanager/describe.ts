import { z } from "zod";
import { defined } from "../service.ts";
import { type Context, dateOf } from "./context.ts";
import { versionIdsToStages } from "./labels.ts";
import { nextWindow } from "./schedule.ts";
import type { Secret } from "./store.ts";
import { parse, secretId } from "./validation.ts";

const DescribeSecretRequest = z.object({ SecretId: secretId });

/** Also of a secret marked for deletion. Unset members are left out. @throws ResourceNotFoundException */
export function describeSecret(context: Context, input: unknown) {
  const secret = context.store.find(parse(DescribeSecretRequest, input).SecretId);
  return { ...metadata(secret), ...defined({ VersionIdsToStages: versionIdsToStages(secret) }) };
}

/** What DescribeSecret and ListSecrets both say of a secret. */
export function metadata(secret: Secret) {
  return defined({
    ARN: secret.arn,
    Name: secret.name,
    Type: secret.type,
    Description: secret.description,
    KmsKeyId: secret.kmsKeyId,
    RotationEnabled: secret.rotationEnabled,
    RotationLambdaARN: secret.rotationLambdaArn,
    RotationRules: secret.rotationRules,
    LastRotatedDate: dateOf(secret.lastRotated),
    LastChangedDate: dateOf(secret.lastChanged),
    LastAccessedDate: dateOf(secret.lastAccessed),
    DeletedDate: dateOf(secret.deletionDate),
    NextRotationDate: dateOf(nextRotationOf(secret)),
    Tags: secret.tags && [...secret.tags].map(([Key, Value]) => ({ Key, Value })),
    OwningService: secret.owningService,
    CreatedDate: dateOf(secret.created),
    PrimaryRegion: secret.primaryRegion,
  });
}

/**
 * The end of the window that follows the last change of the value: AWS rotates "on or before" this date, which is in the
 * past when that rotation did not succeed.
 */
function nextRotationOf(secret: Secret): number | undefined {
  if (!secret.rotationEnabled || secret.rotationRules === undefined) return undefined;
  const window = nextWindow(secret.rotationRules, secret.scheduleFrom);
  return window === undefined ? undefined : window.closes - 1000;
}
