/**
 * Whether an ARN is of this function, or of a version or an alias of it: a rotation function may be set with either. Pure.
 *
 * @param arn absent: no function, so false
 * @param functionArn without a qualifier
 */
export function isSameFunction(arn: string | undefined, functionArn: string): boolean {
  return (
    arn === functionArn || /^:[\w$-]{1,128}$/.test(arn?.startsWith(functionArn) ? arn.slice(functionArn.length) : "")
  );
}
