const SUFFIX = /-[A-Za-z0-9]{6}$/;

/** The name in a secret's full ARN: what comes after "secret:", without the hyphen and six characters that AWS appends. */
export function secretNameOf(arn: string): string {
  return tailOf(arn).replace(SUFFIX, "");
}

/**
 * Whether two ids, each a name, a full ARN or a partial ARN, may be of the same secret. False is certain; true is for
 * DescribeSecret to confirm, because a partial ARN cannot be told from a full one by its looks. Pure.
 */
export function mayName(one: string, other: string): boolean {
  return formsOf(one).some((form) => formsOf(other).includes(form));
}

function formsOf(id: string): readonly string[] {
  return id.startsWith("arn:") ? [tailOf(id), secretNameOf(id)] : [id];
}

function tailOf(arn: string): string {
  return arn.split(":").slice(6).join(":");
}
