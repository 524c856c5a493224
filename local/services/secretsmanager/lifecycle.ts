import { z } from "zod";
import { type Context, dateOf } from "./context.ts";
import { invalidParameter } from "./errors.ts";
import { tag } from "./store.ts";
import { parse, secretId, tagKey, tags } from "./validation.ts";

const DAY_MS = 24 * 60 * 60 * 1000;

const DeleteSecretRequest = z.object({
  SecretId: secretId,
  RecoveryWindowInDays: z.int().optional(),
  ForceDeleteWithoutRecovery: z.boolean().optional(),
});

/** @throws InvalidParameterException, InvalidRequestException (marked already), ResourceNotFoundException (not forced) */
export function deleteSecret(context: Context, input: unknown) {
  const request = parse(DeleteSecretRequest, input);
  const { RecoveryWindowInDays: days = 30, ForceDeleteWithoutRecovery: force = false } = request;
  if (force && request.RecoveryWindowInDays !== undefined) {
    throw invalidParameter("You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.");
  }
  if (days < 7 || days > 30) {
    throw invalidParameter("The RecoveryWindowInDays value must be between 7 and 30 days (inclusive).");
  }
  return force ? deleteNow(context, request.SecretId) : scheduleDeletion(context, request.SecretId, days);
}

function scheduleDeletion(context: Context, id: string, days: number) {
  const secret = context.store.writable(id);
  context.rotations.end(secret);
  secret.deletionDate = context.now() + days * DAY_MS;
  return { ARN: secret.arn, Name: secret.name, DeletionDate: dateOf(secret.deletionDate) };
}

/** Also of a secret that is marked already. One that does not exist is no error. */
function deleteNow(context: Context, id: string) {
  const secret = context.store.lookUp(id);
  const DeletionDate = dateOf(context.now());
  if (secret === undefined) return { Name: id, DeletionDate };
  if (secret.deletionDate === undefined) context.store.writable(id);
  context.rotations.end(secret);
  secret.deletionDate = context.now();
  context.store.remove(secret);
  context.save(secret);
  return { ARN: secret.arn, Name: secret.name, DeletionDate };
}

const RestoreSecretRequest = z.object({ SecretId: secretId });

/** May be repeated, also of a secret that is not marked. Its schedule goes on. @throws ResourceNotFoundException */
export function restoreSecret(context: Context, input: unknown) {
  const secret = context.store.restorable(parse(RestoreSecretRequest, input).SecretId);
  if (secret.deletionDate !== undefined) {
    delete secret.deletionDate;
    context.schedules.arm(secret);
  }
  return { ARN: secret.arn, Name: secret.name };
}

const TagResourceRequest = z.object({ SecretId: secretId, Tags: tags });

export function tagResource(context: Context, input: unknown) {
  const request = parse(TagResourceRequest, input);
  const secret = context.store.readable(request.SecretId);
  tag(secret, request.Tags);
  secret.lastChanged = context.now();
  return {};
}

const UntagResourceRequest = z.object({ SecretId: secretId, TagKeys: z.array(tagKey) });

export function untagResource(context: Context, input: unknown) {
  const request = parse(UntagResourceRequest, input);
  const secret = context.store.readable(request.SecretId);
  for (const key of request.TagKeys) secret.tags?.delete(key);
  secret.lastChanged = context.now();
  return {};
}
