import type { SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { createdAt } from "../versions/created-at.ts";
import type { Secret } from "../versions/secret.ts";

/** What is known of when a version was created. */
export interface VersionAge {
  readonly createdAt: Date | undefined;
  /** It was created then at the latest. Absent: nothing is known. */
  readonly latest: Date | undefined;
}

/**
 * Whether ListSecretVersionIds has a date for every version, the empty placeholder of RotateSecret among them, is UNCONFIRMED.
 * Where it has none the secret's LastChangedDate is the latest time at which the version can have been created.
 *
 * @throws RotationError SecretNotFound, AccessDenied, Throttled, ServiceUnavailable
 */
export async function ageOf(client: SecretsManagerClient, secret: Secret, versionId: string): Promise<VersionAge> {
  const created = await createdAt(client, secret.arn, versionId);
  return { createdAt: created, latest: created ?? secret.lastChangedAt };
}
