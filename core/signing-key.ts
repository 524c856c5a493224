import { GetSecretValueCommand, type SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { fromAwsError } from "./aws.ts";
import type { DependentTools } from "./dependents/dependent.ts";
import { parseSigningKey } from "./dependents/http-signature.ts";
import { RotationError } from "./errors.ts";

/**
 * Reads the keys that requests to dependents are signed with: AWSCURRENT of the named secret, afresh each time, so that a new
 * key is in use at once and none stays in memory.
 *
 * @returns what throws RotationError ConfigurationInvalid (no such secret, no key in it), AccessDenied, Throttled, ServiceUnavailable
 */
export function signingKeyReader(client: SecretsManagerClient): NonNullable<DependentTools["readKey"]> {
  return async (secretId, signal) => {
    const { SecretString = "" } = await client
      .send(new GetSecretValueCommand({ SecretId: secretId }), { abortSignal: signal })
      .catch((error: unknown) => Promise.reject(refusal(error, secretId)));
    const key = parseSigningKey(SecretString);
    if (key !== undefined) return key;
    throw new RotationError(
      "ConfigurationInvalid",
      `The secret ${secretId} holds no key for signing: its text has to be "whsec_" and base64 of 24 to 64 random bytes.`,
    );
  };
}

function refusal(error: unknown, secretId: string): RotationError {
  const known = fromAwsError(error, `secretsmanager:GetSecretValue on ${secretId}`);
  if (known.name !== "SecretNotFound") return known;
  return new RotationError("ConfigurationInvalid", `The key for signing, ${secretId}, does not exist.`, {
    cause: known,
  });
}
