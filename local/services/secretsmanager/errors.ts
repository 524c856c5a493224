import { AwsError } from "../service.ts";

/**
 * Every refusal of the service, with AWS's text where a recorded reply or a public report of one exists. AWS's are not known
 * for the following: the texts of `labelNotAttached`, `noStageChange`, `managedWithoutFunction`, `versionNotFound`,
 * `noRoomForLabels`, `noRoomForVersions` and of the schedule rules are ours, and that of `versionExists` is what other
 * emulators say. That of `removeFromMissing` was reported of AWSCURRENT only.
 */
export const secretNotFound = () =>
  new AwsError("ResourceNotFoundException", "Secrets Manager can't find the specified secret.");

export const valueNotFound = (by: "staging label" | "VersionId", id: string) =>
  new AwsError("ResourceNotFoundException", `Secrets Manager can't find the specified secret value for ${by}: ${id}`);

export const stageNotOnVersion = () =>
  new AwsError(
    "InvalidRequestException",
    "You provided a VersionStage that is not associated to the provided VersionId.",
  );

export const versionNotFound = () =>
  new AwsError("ResourceNotFoundException", "Secrets Manager can't find the specified secret version.");

export const markedForDeletion = () =>
  new AwsError(
    "InvalidRequestException",
    "You can't perform this operation on the secret because it was marked for deletion.",
  );

export const nameScheduledForDeletion = () =>
  new AwsError(
    "InvalidRequestException",
    "You can't create this secret because a secret with this name is already scheduled for deletion.",
  );

export const secretExists = (name: string) =>
  new AwsError("ResourceExistsException", `The operation failed because the secret ${name} already exists.`);

export const versionExists = (token: string, arn: string) =>
  new AwsError(
    "ResourceExistsException",
    `You can't use ClientRequestToken ${token} because that value is already in use for a version of secret ${arn}.`,
  );

export const invalidName = () =>
  new AwsError(
    "ValidationException",
    "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!",
  );

/** RotateSecret answers InvalidParameterException here, the other operations InvalidRequestException. */
export const tokenMissing = (code: "InvalidRequestException" | "InvalidParameterException") =>
  new AwsError(code, "You must provide a ClientRequestToken value. We recommend a UUID-type value.");

export const valueMissing = () =>
  new AwsError("InvalidRequestException", "You must provide either SecretString or SecretBinary.");

export const managedElsewhere = () =>
  new AwsError(
    "InvalidRequestException",
    "The secret is managed by another service, and you must use that service to update it.",
  );

export const replicaReadOnly = () =>
  new AwsError(
    "InvalidParameterException",
    "Operation not permitted on a replica secret. Call must be made in primary secret's region.",
  );

export const removeFromMissing = (label: string, versionId: string) =>
  new AwsError(
    "InvalidParameterException",
    `The parameter RemoveFromVersionId can't be empty. Staging label ${label} is currently attached to version ${versionId}, so you must explicitly reference that version in RemoveFromVersionId.`,
  );

export const labelNotAttached = (label: string, versionId: string) =>
  new AwsError("InvalidParameterException", `Staging label ${label} is not attached to version ${versionId}.`);

export const currentStays = () =>
  new AwsError(
    "InvalidParameterException",
    "You can only move staging label AWSCURRENT to a different secret version. It can’t be completely removed.",
  );

export const noStageChange = () => invalidParameter("You must provide MoveToVersionId, RemoveFromVersionId, or both.");

export const noRoomForLabels = (limit: number) =>
  new AwsError("LimitExceededException", `You can't attach more than ${limit} staging labels to a secret.`);

export const noRoomForVersions = (limit: number) =>
  new AwsError("LimitExceededException", `You can't create more than ${limit} versions of a secret.`);

export const noRotationFunction = () =>
  new AwsError("InvalidRequestException", "No Lambda rotation function ARN is associated with this secret.");

export const managedWithoutFunction = () =>
  invalidParameter("You can't specify RotationLambdaARN for a secret with managed rotation.");

export const functionNotInvocable = () =>
  new AwsError(
    "AccessDeniedException",
    "Secrets Manager cannot invoke the specified Lambda function. Ensure that the function policy grants access to the principal secretsmanager.amazonaws.com.",
  );

export const rotationIncomplete = () =>
  new AwsError("InvalidRequestException", "A previous rotation isn't complete. That rotation will be reattempted.");

export const invalidNextToken = () => new AwsError("InvalidNextTokenException", "The NextToken value is invalid.");

export const invalidParameter = (message: string) => new AwsError("InvalidParameterException", message);
