import { z } from "zod";
import { defined } from "../service.ts";
import { type Context, dateOf, day, storeValue } from "./context.ts";
import { nameScheduledForDeletion, secretExists, stageNotOnVersion, valueNotFound } from "./errors.ts";
import { CURRENT, labelsOf } from "./labels.ts";
import { assertName, type Secret, tag, type Version } from "./store.ts";
import {
  description,
  kmsKeyId,
  optionalValue,
  parse,
  refuseUnsupported,
  requireToken,
  requireValue,
  rotationToken,
  secretBinary,
  secretId,
  secretString,
  stage,
  stages,
  tags,
  versionId,
} from "./validation.ts";

const CreateSecretRequest = z.object({
  Name: z.string().min(1).max(512),
  ClientRequestToken: z.string().optional(),
  Description: description.optional(),
  KmsKeyId: kmsKeyId.optional(),
  SecretBinary: secretBinary.optional(),
  SecretString: secretString.optional(),
  Tags: tags.optional(),
});

/** May be repeated with the same token and value. @throws ResourceExistsException, InvalidRequestException, ValidationException */
export function createSecret(context: Context, input: unknown) {
  refuseUnsupported(input, ["AddReplicaRegions", "ForceOverwriteReplicaSecret", "Type"]);
  const request = parse(CreateSecretRequest, input);
  assertName(request.Name);
  const token = requireToken(request.ClientRequestToken);
  const value = optionalValue(request);
  const secret = context.store.byName(request.Name);
  if (secret?.deletionDate !== undefined) throw nameScheduledForDeletion();
  if (secret !== undefined && !(value !== undefined && secret.versions.has(token))) throw secretExists(request.Name);
  const { Name: name, Description, KmsKeyId } = request;
  const created = secret ?? context.store.add({ name, description: Description, kmsKeyId: KmsKeyId });
  if (secret === undefined) tag(created, request.Tags ?? []);
  if (value !== undefined) storeValue(context, created, { token, value, labels: [CURRENT] });
  return defined({ ARN: created.arn, Name: name, VersionId: value && token });
}

const GetSecretValueRequest = z.object({
  SecretId: secretId,
  VersionId: versionId.optional(),
  VersionStage: stage.optional(),
});

/** @throws ResourceNotFoundException, InvalidRequestException */
export function getSecretValue(context: Context, input: unknown) {
  const request = parse(GetSecretValueRequest, input);
  const secret = context.store.readable(request.SecretId);
  const version = findVersion(secret, request.VersionId, request.VersionStage);
  const today = day(context.now());
  if (version.lastAccessed !== today) {
    version.lastAccessed = secret.lastAccessed = today;
    context.save(secret);
  }
  return {
    ARN: secret.arn,
    Name: secret.name,
    VersionId: version.id,
    ...version.value,
    VersionStages: labelsOf(secret, version.id),
    CreatedDate: dateOf(version.created),
  };
}

function findVersion(secret: Secret, id: string | undefined, label: string | undefined): Version {
  const wantedLabel = label ?? CURRENT;
  const version = secret.versions.get(id ?? secret.labels.get(wantedLabel) ?? "");
  if (version?.value === undefined) {
    throw id === undefined ? valueNotFound("staging label", wantedLabel) : valueNotFound("VersionId", id);
  }
  if (label !== undefined && secret.labels.get(label) !== version.id) throw stageNotOnVersion();
  return version;
}

const PutSecretValueRequest = z.object({
  SecretId: secretId,
  ClientRequestToken: z.string().optional(),
  SecretBinary: secretBinary.optional(),
  SecretString: secretString.optional(),
  VersionStages: stages.optional(),
  RotationToken: rotationToken.optional(),
});

/** Write-once: may be repeated with the same token and value. @throws ResourceExistsException, LimitExceededException */
export function putSecretValue(context: Context, input: unknown) {
  const request = parse(PutSecretValueRequest, input);
  const token = requireToken(request.ClientRequestToken);
  const value = requireValue(request);
  const secret = context.store.writable(request.SecretId);
  storeValue(context, secret, { token, value, labels: request.VersionStages ?? [CURRENT] });
  return { ARN: secret.arn, Name: secret.name, VersionId: token, VersionStages: labelsOf(secret, token) };
}

const UpdateSecretRequest = z.object({
  SecretId: secretId,
  ClientRequestToken: z.string().optional(),
  Description: description.optional(),
  KmsKeyId: kmsKeyId.optional(),
  SecretBinary: secretBinary.optional(),
  SecretString: secretString.optional(),
});

/** A value, if given, always becomes AWSCURRENT. @throws ResourceExistsException, LimitExceededException */
export function updateSecret(context: Context, input: unknown) {
  refuseUnsupported(input, ["Type"]);
  const request = parse(UpdateSecretRequest, input);
  const token = requireToken(request.ClientRequestToken);
  const value = optionalValue(request);
  const secret = context.store.writable(request.SecretId);
  if (value !== undefined) storeValue(context, secret, { token, value, labels: [CURRENT] });
  if (request.Description !== undefined) secret.description = request.Description;
  if (request.KmsKeyId !== undefined) secret.kmsKeyId = request.KmsKeyId;
  secret.lastChanged = context.now();
  return defined({ ARN: secret.arn, Name: secret.name, VersionId: value && token });
}
