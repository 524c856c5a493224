/**
 * A number that a variable asks for, or "all" of what there is. Whatever else it says is refused: NaN or 0 would have nothing played, and that
 * looks like nothing broken.
 *
 * @throws Error naming the variable
 */
export function asked<T extends number | "all" | undefined>(variable: string, otherwise: T): number | "all" | T {
  return process.env[variable] === "all" ? "all" : askedNumber(variable, otherwise, 1, '"all" or ');
}

/** The same without "all". @param least the smallest that may be asked for: 0 for seeds */
export function askedNumber<T>(variable: string, otherwise: T, least: 0 | 1 = 1, or = ""): number | T {
  const given = process.env[variable];
  if (given === undefined) return otherwise;
  if (/^(0|[1-9]\d*)$/.test(given) && Number(given) >= least) return Number(given);
  throw new Error(`${variable} is "${given}", and has to be ${or}a whole number from ${least}.`);
}
