import { ENGINES } from "./engines.ts";

/**
 * Whether an ARN is of Rotor's gate, of any engine, or of a version or an alias of it: a rotation function may be set with either.
 * Pure.
 *
 * @param arn absent: no function, so false
 * @param gateFunctionArn the gate's, without an engine's suffix and without a qualifier
 */
export function isGate(arn: string | undefined, gateFunctionArn: string): boolean {
  if (arn?.startsWith(gateFunctionArn) !== true) return false;
  return REST.test(arn.slice(gateFunctionArn.length));
}

const SUFFIXES = Object.values(ENGINES).map(({ suffix }) => suffix);
const REST = new RegExp(`^(${SUFFIXES.join("|")})(:[\\w$-]{1,128})?$`);
