import { z } from "zod";
import type { Context } from "./context.ts";
import { changeStage } from "./labels.ts";
import { parse, secretId, stage, versionId } from "./validation.ts";

const UpdateSecretVersionStageRequest = z.object({
  SecretId: secretId,
  VersionStage: stage,
  RemoveFromVersionId: versionId.optional(),
  MoveToVersionId: versionId.optional(),
});

/** Compare-and-swap of one label. @throws InvalidParameterException, ResourceNotFoundException, LimitExceededException */
export function updateSecretVersionStage(context: Context, input: unknown) {
  const request = parse(UpdateSecretVersionStageRequest, input);
  const secret = context.store.writable(request.SecretId);
  const { VersionStage: label, RemoveFromVersionId: removeFrom, MoveToVersionId: moveTo } = request;
  const moved = changeStage(secret, { label, removeFrom, moveTo });
  secret.lastChanged = context.now();
  if (moveTo !== undefined) context.events.labelsMoved(secret, moved, moveTo);
  return { ARN: secret.arn, Name: secret.name };
}
