import { GetSecretValueCommand, type SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { z } from "zod";

/** What the service takes from the secret: AWS's documented JSON for PostgreSQL. */
const credential = z.looseObject({
  host: z.string(),
  port: z.coerce.number().int().default(5432),
  dbname: z.string().default("postgres"),
  username: z.string(),
  password: z.string(),
});
export type Credential = z.infer<typeof credential>;

export interface SecretVersion {
  readonly versionId: string;
  readonly credential: Credential;
}

export class UnusableSecret extends Error {
  override readonly name = "UnusableSecret";
}

/**
 * Reads one version of the service's own secret, or AWSCURRENT.
 * @throws the SDK's errors; UnusableSecret when the value is not JSON of the documented shape
 */
export async function readSecret(
  client: SecretsManagerClient,
  secretId: string,
  versionId?: string,
): Promise<SecretVersion> {
  const reply = await client.send(new GetSecretValueCommand({ SecretId: secretId, VersionId: versionId }));
  const parsed = credential.safeParse(parse(reply.SecretString));
  if (!parsed.success || reply.VersionId === undefined) {
    throw new UnusableSecret("The secret has no value of the documented JSON shape.");
  }
  return { versionId: reply.VersionId, credential: parsed.data };
}

/** The text of a syntax error quotes what could not be parsed. */
function parse(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? "");
  } catch {
    return undefined;
  }
}
