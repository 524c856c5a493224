import {
  DescribeSecretCommand,
  GetSecretValueCommand,
  type SecretsManagerClient,
} from "@aws-sdk/client-secrets-manager";
import { fromAwsError, hasName } from "../aws.ts";
import { RotationError } from "../errors.ts";
import type { LabelTable } from "../outcome.ts";

export const AWSCURRENT = "AWSCURRENT";
export const AWSPENDING = "AWSPENDING";
export const AWSPREVIOUS = "AWSPREVIOUS";
/** Set with the version, stays through promotion: the only working password is never on an unlabelled version. */
export const ROTATION_CANDIDATE = "ROTATION_CANDIDATE";
export const ROTATION_ROLLED_BACK = "ROTATION_ROLLED_BACK";
/** A person has to look first. Gate, Plan and repair refuse while it is on any version. */
export const ROTATION_FROZEN = "ROTATION_FROZEN";

/** What DescribeSecret says of a secret: ids and labels, no value. */
export interface Secret {
  readonly arn: string;
  readonly name: string;
  /** Absent on a secret whose rotation was never configured. */
  readonly rotationEnabled?: boolean;
  readonly rotationLambdaArn?: string;
  /** A schedule is set; CancelRotateSecret keeps it. */
  readonly hasRotationRules: boolean;
  readonly lastRotatedAt?: Date;
  /** In the past after a rotation that failed (Secrets Manager, DescribeSecret). */
  readonly nextRotationAt?: Date;
  readonly lastChangedAt?: Date;
  readonly owningService?: string;
  readonly type?: string;
  readonly primaryRegion?: string;
  readonly deleted: boolean;
  readonly tags: Readonly<Record<string, string>>;
  /** Labelled versions only: DescribeSecret does not list deprecated ones (secrets-manager-rotation 3.1). */
  readonly labels: LabelTable;
}

/**
 * Reads the secret's description. Eventually consistent: it may show the past.
 * @throws RotationError SecretNotFound, AccessDenied, Throttled, ServiceUnavailable
 */
export async function describeSecret(client: SecretsManagerClient, secretId: string): Promise<Secret> {
  const reply = await client
    .send(new DescribeSecretCommand({ SecretId: secretId }))
    .catch((error: unknown) => Promise.reject(fromAwsError(error, `secretsmanager:DescribeSecret on ${secretId}`)));
  if (!reply.ARN || !reply.Name) {
    throw new RotationError(
      "ServiceUnavailable",
      `secretsmanager:DescribeSecret on ${secretId} answered without an ARN.`,
    );
  }
  return {
    arn: reply.ARN,
    name: reply.Name,
    rotationEnabled: reply.RotationEnabled,
    rotationLambdaArn: reply.RotationLambdaARN,
    hasRotationRules: reply.RotationRules !== undefined,
    lastRotatedAt: reply.LastRotatedDate,
    nextRotationAt: reply.NextRotationDate,
    lastChangedAt: reply.LastChangedDate,
    owningService: reply.OwningService,
    type: (reply as { Type?: string }).Type,
    primaryRegion: reply.PrimaryRegion,
    deleted: reply.DeletedDate !== undefined,
    tags: Object.fromEntries((reply.Tags ?? []).map(({ Key = "", Value = "" }) => [Key, Value])),
    labels: reply.VersionIdsToStages ?? {},
  };
}

/** A version's value and the labels it held when it was read. */
export interface VersionValue {
  readonly versionId: string;
  readonly value: string;
  readonly labels: readonly string[];
}

/**
 * Reads a version's value by VersionId: a label may have moved between two reads, an id never does.
 * @throws RotationError VersionNotVisible (retryable: the version has no value, or not yet), ConfigurationInvalid (binary),
 *   SecretNotFound (scheduled for deletion), AccessDenied, Throttled, ServiceUnavailable
 */
export async function readVersion(
  client: SecretsManagerClient,
  secretArn: string,
  versionId: string,
): Promise<VersionValue> {
  const reply = await client
    .send(new GetSecretValueCommand({ SecretId: secretArn, VersionId: versionId }))
    .catch((error: unknown) => {
      if (hasName(error, "ResourceNotFoundException")) {
        throw new RotationError(
          "VersionNotVisible",
          `Version ${versionId} of ${secretArn} has no value that can be read now.`,
        );
      }
      throw fromAwsError(error, `secretsmanager:GetSecretValue on version ${versionId} of ${secretArn}`);
    });
  if (reply.SecretString === undefined) {
    throw new RotationError(
      "ConfigurationInvalid",
      `Version ${versionId} of ${secretArn} is binary; a strategy needs a SecretString. Nothing was changed at the target.`,
    );
  }
  return { versionId, value: reply.SecretString, labels: reply.VersionStages ?? [] };
}

/** Whether a version has a value; an empty placeholder of RotateSecret has none. Throws what readVersion throws otherwise. */
export async function hasValue(client: SecretsManagerClient, secretArn: string, versionId: string): Promise<boolean> {
  try {
    await readVersion(client, secretArn, versionId);
    return true;
  } catch (error) {
    if (error instanceof RotationError && error.name === "VersionNotVisible") return false;
    throw error;
  }
}

/** The version that a label is on. */
export function holderOf(labels: LabelTable, label: string): string | undefined {
  return Object.keys(labels).find((versionId) => labels[versionId]?.includes(label));
}

export function holds(labels: LabelTable, versionId: string, label: string): boolean {
  return labels[versionId]?.includes(label) ?? false;
}

/**
 * Whether moving a label to a version would take the last one off another: that version might be the only one that opens the
 * door, after a person has moved AWSCURRENT away from it.
 */
export function isLastLabel(labels: LabelTable, label: string, to: string): boolean {
  const holder = holderOf(labels, label);
  return holder !== undefined && holder !== to && labels[holder]?.length === 1;
}
