import { ListSecretsCommand, type SecretListEntry, type SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { fromAwsError } from "../aws.ts";

const PAGE = 100;

/**
 * One page of the account's secrets. It may be five minutes behind.
 * @throws RotationError AccessDenied, Throttled, ServiceUnavailable
 */
export async function listSecrets(
  client: SecretsManagerClient,
  NextToken: string | undefined,
): Promise<{ readonly entries: readonly SecretListEntry[]; readonly nextToken: string | undefined }> {
  const page = await client
    .send(new ListSecretsCommand({ MaxResults: PAGE, NextToken }))
    .catch((error: unknown) => Promise.reject(fromAwsError(error, "secretsmanager:ListSecrets")));
  return { entries: page.SecretList ?? [], nextToken: page.NextToken };
}
