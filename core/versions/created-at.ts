import { ListSecretVersionIdsCommand, type SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { fromAwsError } from "../aws.ts";

/**
 * When a version was created, by Secrets Manager's own clock; undefined when it carries no label, or does not exist.
 * @throws RotationError SecretNotFound, AccessDenied, Throttled, ServiceUnavailable
 */
export async function createdAt(
  client: SecretsManagerClient,
  secretArn: string,
  versionId: string,
): Promise<Date | undefined> {
  let NextToken: string | undefined;
  do {
    const page = await client
      .send(new ListSecretVersionIdsCommand({ SecretId: secretArn, MaxResults: 100, NextToken }))
      .catch((error: unknown) =>
        Promise.reject(fromAwsError(error, `secretsmanager:ListSecretVersionIds on ${secretArn}`)),
      );
    const found = page.Versions?.find((each) => each.VersionId === versionId);
    if (found !== undefined) return found.CreatedDate;
    NextToken = page.NextToken;
  } while (NextToken !== undefined);
  return undefined;
}
