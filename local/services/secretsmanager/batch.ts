import { z } from "zod";
import { AwsError, defined } from "../service.ts";
import type { Context } from "./context.ts";
import { invalidParameter } from "./errors.ts";
import { filters, matchesFilters, page } from "./listing.ts";
import { nextToken, parse, secretId } from "./validation.ts";
import { getSecretValue } from "./values.ts";

const BatchGetSecretValueRequest = z.object({
  SecretIdList: z.array(secretId).min(1).max(20).optional(),
  Filters: filters.optional(),
  MaxResults: z.int().min(1).max(20).optional(),
  NextToken: nextToken.optional(),
});

/**
 * The AWSCURRENT values of the named or the matching secrets; what GetSecretValue would refuse is in Errors.
 *
 * @throws InvalidParameterException, InvalidNextTokenException
 */
export function batchGetSecretValue(context: Context, input: unknown) {
  const {
    SecretIdList: named,
    Filters: wanted,
    MaxResults: size,
    NextToken: token,
  } = parse(BatchGetSecretValueRequest, input);
  if ((named === undefined) === (wanted === undefined)) {
    throw invalidParameter("You must include either SecretIdList or Filters, but not both.");
  }
  if (named !== undefined && size !== undefined) {
    throw invalidParameter("You can use MaxResults only together with Filters.");
  }
  const ids = named ?? matching(context, wanted ?? []);
  const { items, next } = page(ids, size ?? 20, token);
  const answers = items.map((id) => answerFor(context, id));
  return defined({
    SecretValues: answers.flatMap((answer) => ("value" in answer ? [answer.value] : [])),
    Errors: answers.flatMap((answer) => ("error" in answer ? [answer.error] : [])),
    NextToken: next,
  });
}

function matching(context: Context, wanted: z.infer<typeof filters>): string[] {
  const secrets = context.store.all().filter((secret) => secret.deletionDate === undefined);
  return secrets.filter((secret) => matchesFilters(secret, wanted)).map((secret) => secret.arn);
}

function answerFor(context: Context, SecretId: string) {
  try {
    return { value: getSecretValue(context, { SecretId }) };
  } catch (error) {
    if (!(error instanceof AwsError)) throw error;
    return { error: { SecretId, ErrorCode: error.name, Message: error.message } };
  }
}
