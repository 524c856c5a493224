import type { Path } from "./parse.ts";
import { elsewhere, type Place, parseArn } from "./place.ts";
import type { Policy } from "./policies.ts";

const FIELD = "rotationFunctionArn";
const ARN_WANTED =
  'must be the full ARN, "arn:aws:lambda:<region>:<account>:function:<name>", with ":<alias or version>" where one is meant';

/** What is wrong with the rotation function that a policy names, or does not name. Pure. */
export function problemsOfRotationFunction(
  { strategy, rotationFunctionArn }: Pick<Policy, "strategy" | "rotationFunctionArn">,
  here: Place,
): readonly (readonly [path: Path, problem: string])[] {
  if (rotationFunctionArn === undefined) {
    return strategy === "lambda"
      ? [[[FIELD], 'the strategy "lambda" drives a function that is there already: give its full ARN']]
      : [];
  }
  if (strategy !== "lambda") {
    const why = strategy === undefined ? "without a strategy" : `with the strategy "${strategy}"`;
    return [[[FIELD], `is called by nobody ${why}: take it out, or name the strategy "lambda"`]];
  }
  const fn = parseArn(rotationFunctionArn);
  const isFunction = fn?.service === "lambda" && /^function:[\w-]{1,64}(:[\w$-]{1,128})?$/.test(fn.resource);
  const problem = isFunction
    ? elsewhere(fn, here, ["partition", "account", "region"], "deploy Rotor there for it")
    : ARN_WANTED;
  return problem === undefined ? [] : [[[FIELD], problem]];
}

/** The name of the function in an ARN of Lambda's; "" for anything else. Pure. */
export function functionNameOf(arn: string | undefined): string {
  return /:function:([\w-]+)/.exec(arn ?? "")?.[1] ?? "";
}
