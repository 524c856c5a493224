import { AwsError } from "./service.ts";

export interface PageRequest {
  /** 0 and absent mean 100; 1,000 at most (AWS, GetExecutionHistory). */
  readonly maxResults?: number | undefined;
  readonly nextToken?: string | undefined;
}

export interface Page<T> {
  readonly items: T[];
  readonly nextToken: string | undefined;
}

/**
 * One page of a list. The token names the last item given, by `keyOf`, so that items which come or go meanwhile, or are
 * no longer to `keep`, neither repeat nor hide others.
 * @throws AwsError InvalidToken, ValidationException
 */
export function pageOf<T>(
  list: readonly T[],
  request: PageRequest,
  keyOf: (item: T) => string,
  keep: (item: T) => boolean = () => true,
): Page<T> {
  const limit = request.maxResults === undefined || request.maxResults === 0 ? 100 : request.maxResults;
  if (!Number.isInteger(limit) || limit < 0 || limit > 1000) {
    throw new AwsError(
      "ValidationException",
      `1 validation error detected: Value '${request.maxResults}' at 'maxResults' failed to satisfy constraint: ` +
        "Member must have value less than or equal to 1000",
    );
  }
  const start = request.nextToken === undefined ? 0 : indexAfter(list, request.nextToken, keyOf);
  const rest = list.slice(start).filter(keep);
  const items = rest.slice(0, limit);
  const last = items.at(-1);
  const more = rest.length > limit && last !== undefined;
  return { items, nextToken: more ? Buffer.from(keyOf(last)).toString("base64url") : undefined };
}

function indexAfter<T>(list: readonly T[], token: string, keyOf: (item: T) => string): number {
  const key = Buffer.from(token, "base64url").toString();
  const index = list.findIndex((item) => keyOf(item) === key);
  if (index === -1) throw new AwsError("InvalidToken", `Invalid Token: 'Invalid token'`);
  return index + 1;
}
