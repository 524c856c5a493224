import { PutSecretValueCommand, type SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { fromAwsError, hasName } from "../aws.ts";

export interface Candidate {
  readonly secretArn: string;
  readonly token: string;
  readonly value: string;
  readonly labels: readonly string[];
  /** Secrets Manager's proof that it called us (gate only; never logged, never stored). */
  readonly rotationToken?: string;
}

/**
 * Writes the candidate's value, once. A version is write-once: with the same token and another value AWS answers
 * ResourceExistsException, which means that an earlier attempt of ours (or a racing one with the same derived token) has
 * written it. The first writer's value counts, so that is success (secrets-manager-rotation 3.1, PutSecretValue).
 *
 * @throws RotationError ConfigurationInvalid (100 versions), SecretNotFound, SecretManagedElsewhere, AccessDenied, Throttled,
 *   ServiceUnavailable
 */
export async function putCandidate(client: SecretsManagerClient, candidate: Candidate): Promise<void> {
  try {
    await client.send(
      new PutSecretValueCommand({
        SecretId: candidate.secretArn,
        ClientRequestToken: candidate.token,
        SecretString: candidate.value,
        VersionStages: [...candidate.labels],
        RotationToken: candidate.rotationToken,
      }),
    );
  } catch (error) {
    if (hasName(error, "ResourceExistsException")) return;
    throw fromAwsError(error, `secretsmanager:PutSecretValue of version ${candidate.token} of ${candidate.secretArn}`);
  }
}
