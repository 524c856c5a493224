import type { Secret } from "./versions/secret.ts";

/**
 * Says that AWS itself would rotate a secret of this kind, if there is such an offer and the secret does not use it. Judged
 * without reading a value, so it cannot know whether the credential is the one that AWS would manage. Pure.
 *
 * Source: Secrets Manager user guide, "Managed rotation" and "Managed external secrets" (secrets-manager-rotation 4.1, 4.4).
 */
export function managedRotationOffer(
  secret: Secret,
  policy: { readonly strategy?: string | undefined },
): string | undefined {
  if (secret.owningService !== undefined || secret.type !== undefined) return undefined;
  const word = policy.strategy?.split("-")[0] ?? "";
  const isTagged = (prefix: string) => Object.keys(secret.tags).some((tag) => tag.startsWith(prefix));
  const offer = OFFERS.find((each) => each.words.includes(word) || each.tags.some(isTagged));
  if (offer === undefined) return undefined;
  return `AWS rotates ${offer.what} without a function: ${offer.how}. If ${secret.name} is one, that is simpler; if not, or to stay with Rotor, say why in the policy's managedRotation.declined.`;
}

interface Offer {
  /** First words of strategies' names. */
  readonly words: readonly string[];
  /** What the keys of the tags begin with that AWS, or its rotation templates, put on such a secret. */
  readonly tags: readonly string[];
  readonly what: string;
  readonly how: string;
}

// Not here: ECS Service Connect, whose secrets ECS itself creates, and so always manages.
const OFFERS: readonly Offer[] = [
  {
    words: ["redshift"],
    tags: ["aws:redshift:", "aws:redshift-serverless:"],
    what: "the admin credentials of an Amazon Redshift cluster or namespace",
    how: "turn on ManageMasterPassword (ManageAdminPassword for serverless) there",
  },
  {
    words: ["documentdb", "mongodb"],
    tags: [],
    what: "the master user's password of an Amazon DocumentDB cluster",
    how: "turn on ManageMasterUserPassword there",
  },
  {
    words: ["postgres", "mysql", "mariadb", "mssql", "sqlserver", "oracle", "db2", "aurora"],
    tags: ["aws:rds:"],
    what: "the master user's password of an Amazon RDS instance or Aurora cluster",
    how: "turn on ManageMasterUserPassword there",
  },
  ...[
    ["bigid", "BigIDClientSecret"],
    ["cisco", "CiscoSecurityPlatformApiKey"],
    ["confluent", "ConfluentCloudApiKey"],
    ["datadog", "DatadogApiKey, DatadogApplicationKey, DatadogAdminKey"],
    ["gitlab", "GitLabAccessToken"],
    ["jenkins", "JenkinsApiToken"],
    ["atlas", "MongoDBAtlasServiceAccount, MongoDBAtlasDatabaseUser"],
    ["netskope", "NetskopeApiToken"],
    ["paddle", "PaddleApiKey"],
    ["salesforce", "SalesforceClientSecret"],
    ["snowflake", "SnowflakeKeyPairAuthentication, SnowflakePat"],
    ["sonarqube", "SonarQubeToken"],
  ].map(([word = "", types = ""]) => ({
    words: [word],
    tags: [],
    what: `partners' credentials of the type ${types.replaceAll(/, (?=[^,]*$)/g, " or ")}`,
    how: "create the secret with that Type, as a managed external secret",
  })),
];
