import { z } from "zod";
import { type Context, defined } from "./context.ts";
import { functionNotInvocable, noRotationFunction, rotationIncomplete } from "./errors.ts";
import { CURRENT, PENDING } from "./labels.ts";
import { validateRules } from "./schedule.ts";
import { parse, refuseUnsupported, requireToken, secretId } from "./validation.ts";
import { putPlaceholder } from "./versions.ts";

const RotateSecretRequest = z.object({
  SecretId: secretId,
  ClientRequestToken: z.string().optional(),
  RotationLambdaARN: z.string().max(2048).optional(),
  RotationRules: z
    .object({
      AutomaticallyAfterDays: z.int().optional(),
      Duration: z.string().optional(),
      ScheduleExpression: z
        .string()
        .min(1)
        .max(256)
        .regex(/^[0-9A-Za-z()#?*\-/, ]+$/)
        .optional(),
    })
    .optional(),
  RotateImmediately: z.boolean().optional(),
});

/**
 * Stores the configuration, makes the empty AWSPENDING version and begins the rotation, or with RotateImmediately=false
 * its test. Nothing is stored when it is refused.
 *
 * @throws InvalidParameterException, InvalidRequestException, AccessDeniedException, LimitExceededException
 */
export function rotateSecret(context: Context, input: unknown) {
  refuseUnsupported(input, ["ExternalSecretRotationMetadata", "ExternalSecretRotationRoleArn"]);
  const request = parse(RotateSecretRequest, input);
  const token = requireToken(request.ClientRequestToken, "InvalidParameterException");
  if (request.RotationRules !== undefined) validateRules(request.RotationRules);
  const secret = context.store.writable(request.SecretId);
  const functionArn = request.RotationLambdaARN ?? secret.rotationLambdaArn;
  if (!functionArn) throw noRotationFunction();
  if (!context.functionExists(functionArn)) throw functionNotInvocable();
  if (context.rotations.isIncomplete(secret)) throw rotationIncomplete();

  putPlaceholder(secret, token, context.now());
  secret.rotationEnabled = true;
  secret.rotationLambdaArn = functionArn;
  secret.lastChanged = context.now();
  if (request.RotationRules !== undefined) {
    secret.rotationRules = defined(request.RotationRules);
    secret.scheduleFrom = context.now();
  }
  if (request.RotateImmediately ?? true) context.rotations.start(secret, token);
  else context.rotations.startTest(secret, token);
  return { ARN: secret.arn, Name: secret.name, VersionId: token };
}

const CancelRotateSecretRequest = z.object({ SecretId: secretId });

/** Turns automatic rotation off and ends its retries. Labels and configuration stay. May be repeated. */
export function cancelRotateSecret(context: Context, input: unknown) {
  const secret = context.store.writable(parse(CancelRotateSecretRequest, input).SecretId);
  context.rotations.cancel(secret);
  if (secret.rotationEnabled !== undefined) secret.rotationEnabled = false;
  secret.lastChanged = context.now();
  const pending = secret.labels.get(PENDING);
  const partial = pending === secret.labels.get(CURRENT) ? undefined : pending;
  return defined({ ARN: secret.arn, Name: secret.name, VersionId: partial });
}
