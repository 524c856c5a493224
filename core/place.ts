/** Where a stage is deployed to. */
export interface Place {
  readonly partition: string;
  readonly account: string;
  readonly region: string;
}

export interface Arn extends Place {
  readonly service: string;
  /** Everything after the account. */
  readonly resource: string;
}

/** The parts of an ARN; undefined for what is none, or names no account. Pure. */
export function parseArn(text: string): Arn | undefined {
  const [, partition, service, region, account, resource] =
    /^arn:(aws[a-z-]*):([a-z0-9-]+):([a-z0-9-]*):(\d{12}):(\S+)$/.exec(text) ?? [];
  if (partition === undefined || service === undefined || region === undefined) return undefined;
  if (account === undefined || resource === undefined) return undefined;
  return { partition, service, region, account, resource };
}

/** That something is not here, as far as those parts of a place go, and what to do about it; undefined where it is. Pure. */
export function elsewhere(one: Place, here: Place, parts: readonly (keyof Place)[], fix: string): string | undefined {
  const part = parts.find((each) => one[each] !== here[each]);
  if (part === undefined) return undefined;
  const is = part === "region" ? "is in" : `is of ${part}`;
  return `${is} ${one[part]}, and this deploys to ${here[part]}: ${fix}`;
}
