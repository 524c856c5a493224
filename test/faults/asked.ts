/**
 * A number that a variable asks for, or "all" of what there is. Whatever else it says is refused: NaN or 0 would have nothing played, and that
 * looks like nothing broken.
 *
 * @throws Error naming the variable
 */
export function asked<T extends number | "all" | undefined>(variable: string, otherwise: T): number | "all" | T {
  const given = process.env[variable];
  if (given === undefined) return otherwise;
  if (given === "all") return given;
  if (/^[1-9]\d*$/.test(given)) return Number(given);
  throw new Error(`${variable} is "${given}", and has to be "all" or a whole number from 1.`);
}
