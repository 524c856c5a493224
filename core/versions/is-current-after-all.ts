import type { SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { AWSCURRENT, describeSecret, holds } from "./secret.ts";

/**
 * Whether AWSCURRENT shows on a version in a second read, after one that did not show it: a read may be older than our own last write,
 * and how often a step was tried says nothing of that, since it may have failed for something else. May be repeated.
 *
 * @throws RotationError what `describeSecret` throws
 */
export async function isCurrentAfterAll(
  { client, secretArn }: { readonly client: SecretsManagerClient; readonly secretArn: string },
  versionId: string,
): Promise<boolean> {
  return holds((await describeSecret(client, secretArn)).labels, versionId, AWSCURRENT);
}
