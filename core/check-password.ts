import { strategyBlueprint } from "./engines.ts";
import type { Path } from "./parse.ts";
import type { PasswordRules } from "./password.ts";

/**
 * Password rules that nobody obeys, or that make what the strategy's target cannot take. Undefined rules are the default ones. Pure.
 */
export function problemsOfPassword({
  mode,
  strategy,
  password,
}: {
  readonly mode: string;
  readonly strategy?: string | undefined;
  readonly password?: PasswordRules | undefined;
}): readonly (readonly [path: Path, problem: string])[] {
  if (password === undefined) return [];
  if (mode === "observed") {
    return [[["password"], 'has no effect in mode "observed", where somebody else makes the password: take it out']];
  }
  const limit = strategyBlueprint(strategy)?.password;
  if (limit === undefined || password.length <= limit.maxLength) return [];
  return [
    [["password", "length"], `must be at most ${limit.maxLength} with the strategy "${strategy}": ${limit.because}`],
  ];
}
