import { randomUUID } from "node:crypto";
import { z } from "zod";
import { defined } from "../service.ts";
import type { Context } from "./context.ts";
import { functionNotInvocable, managedWithoutFunction, noRotationFunction, rotationIncomplete } from "./errors.ts";
import { CURRENT, PENDING } from "./labels.ts";
import { validateRules } from "./schedule.ts";
import type { Secret } from "./store.ts";
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

type RotateSecretRequest = z.infer<typeof RotateSecretRequest>;

/**
 * Stores the configuration, makes the empty AWSPENDING version and begins the rotation, or with RotateImmediately=false
 * its test. A secret that AWS or a partner manages has no function: its owner rotates it. Nothing is stored when it is
 * refused.
 *
 * @throws InvalidParameterException, InvalidRequestException, AccessDeniedException, LimitExceededException
 */
export function rotateSecret(context: Context, input: unknown) {
  refuseUnsupported(input, ["ExternalSecretRotationMetadata", "ExternalSecretRotationRoleArn"]);
  const request = parse(RotateSecretRequest, input);
  const token = requireToken(request.ClientRequestToken, "InvalidParameterException");
  if (request.RotationRules !== undefined) validateRules(request.RotationRules);
  const secret = context.store.primary(request.SecretId);
  const rotate = isManaged(secret) ? rotateByOwner : rotateByFunction;
  rotate(context, secret, token, request);
  return { ARN: secret.arn, Name: secret.name, VersionId: token };
}

function rotateByFunction(context: Context, secret: Secret, token: string, request: RotateSecretRequest): void {
  const functionArn = request.RotationLambdaARN ?? secret.rotationLambdaArn;
  if (!functionArn) throw noRotationFunction();
  if (!context.functionExists(functionArn)) throw functionNotInvocable();
  if (context.rotations.isIncomplete(secret)) throw rotationIncomplete();

  putPlaceholder(secret, token, context.now());
  secret.rotationLambdaArn = functionArn;
  enable(context, secret, request);
  if (request.RotateImmediately ?? true) context.rotations.start(secret, token);
  else context.rotations.startTest(secret, token);
}

/** There is nothing that could be tested: RotateImmediately=false only stores the configuration. */
function rotateByOwner(context: Context, secret: Secret, token: string, request: RotateSecretRequest): void {
  if (request.RotationLambdaARN !== undefined) throw managedWithoutFunction();
  if (context.ownerRotations.isRunning(secret)) throw rotationIncomplete();
  enable(context, secret, request);
  const isRepetition = secret.versions.has(token);
  if ((request.RotateImmediately ?? true) && !isRepetition) context.ownerRotations.start(secret, token);
}

function enable(context: Context, secret: Secret, { RotationRules: rules }: RotateSecretRequest): void {
  secret.rotationEnabled = true;
  secret.lastChanged = context.now();
  if (rules !== undefined) {
    secret.rotationRules = defined(rules);
    secret.scheduleFrom = context.now();
  }
  context.schedules.arm(secret);
}

/**
 * What a schedule does when a window opens. A rotation that failed earlier is attempted again under its token: "That
 * rotation will be reattempted", says the refusal of RotateSecret. One that is at work is left alone.
 */
export function rotateOnSchedule(context: Context, secret: Secret): void {
  if (isManaged(secret)) {
    if (!context.ownerRotations.isRunning(secret)) context.ownerRotations.start(secret, randomUUID());
    return;
  }
  if (context.rotations.isAtWork(secret)) return;
  const pending = secret.labels.get(PENDING);
  const unfinished = pending === secret.labels.get(CURRENT) ? undefined : pending;
  const token = unfinished ?? randomUUID();
  try {
    putPlaceholder(secret, token, context.now());
  } catch {
    return; // the secret's label or version quota is used up: the date stays in the past
  }
  context.rotations.start(secret, token);
}

function isManaged({ owningService, type }: Secret): boolean {
  return owningService !== undefined || type !== undefined;
}

const CancelRotateSecretRequest = z.object({ SecretId: secretId });

/**
 * Turns automatic rotation off and ends its attempts, unless RotationRetry lets them go on. Labels and configuration stay. May
 * be repeated.
 */
export function cancelRotateSecret(context: Context, input: unknown) {
  const secret = context.store.writable(parse(CancelRotateSecretRequest, input).SecretId);
  context.rotations.cancel(secret);
  if (secret.rotationEnabled !== undefined) secret.rotationEnabled = false;
  secret.lastChanged = context.now();
  const pending = secret.labels.get(PENDING);
  const partial = pending === secret.labels.get(CURRENT) ? undefined : pending;
  return defined({ ARN: secret.arn, Name: secret.name, VersionId: partial });
}
