import { AwsError } from "./service.ts";

/** What List operations take. */
export interface Page {
  readonly Limit?: number;
  readonly NextToken?: string;
}

/** @throws AwsError ValidationException */
export function page<T>(all: readonly T[], { Limit: limit = 100, NextToken: token }: Page) {
  between("limit", limit, 1, 100);
  const from = token === undefined ? 0 : Number(token);
  if (!Number.isInteger(from) || from < 0) validation("The NextToken is not valid.");
  const next = from + limit < all.length ? { NextToken: String(from + limit) } : {};
  return { items: all.slice(from, from + limit), next };
}

/** A name that is there and is one. @throws AwsError ValidationException */
export function named(member: string, name: string | undefined, longest: number): string {
  if (name === undefined) return constraint(member, "not be null");
  if (name.length > longest) constraint(member, `have length less than or equal to ${longest}`);
  if (!/^[.\-_A-Za-z0-9]+$/.test(name)) constraint(member, "satisfy regular expression pattern: [\\.\\-_A-Za-z0-9]+");
  return name;
}

export function required(member: string, value: string | undefined): string {
  return value === undefined ? constraint(member, "not be null") : value;
}

export function between(member: string, value: number, least: number, most: number): void {
  if (!(value >= least)) constraint(member, `have value greater than or equal to ${least}`);
  if (value > most) constraint(member, `have value less than or equal to ${most}`);
}

export function constraint(member: string, rule: string): never {
  validation(`1 validation error detected: Value at '${member}' failed to satisfy constraint: Member must ${rule}`);
}

export function validation(message: string): never {
  throw new AwsError("ValidationException", message);
}

/** @throws AwsError LimitExceededException */
export function exceeded(): never {
  throw new AwsError("LimitExceededException", "The requested resource exceeds the maximum number allowed.");
}
