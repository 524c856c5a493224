import { isSecretName } from "../core/check-secret-id.ts";
import { CliError } from "./cli-error.ts";
import { EXIT } from "./exit-status.ts";

/** @throws CliError it can be the name or ARN of no secret, and of no run */
export function checkName(text: string): void {
  if (isSecretName(text) || /^arn:[\w-]+:(secretsmanager|states):[!-~]{1,2000}$/.test(text)) return;
  throw new CliError(EXIT.usage, `"${text}" can be the name or ARN of no secret, and of no run.`);
}

/** An option's seconds in milliseconds; undefined where it was not given. @throws CliError it is no number of seconds */
export function readSeconds(text: string | undefined, flag: string): number | undefined {
  const seconds = readCount(text, flag, 31_536_000);
  return seconds === undefined ? undefined : seconds * 1000;
}

/** @throws CliError it is no whole number from 1 to `most` */
export function readCount(text: string | undefined, flag: string, most: number): number | undefined {
  if (text === undefined) return undefined;
  const count = Number(text);
  if (/^\d{1,9}$/.test(text) && count >= 1 && count <= most) return count;
  throw new CliError(EXIT.usage, `${flag} takes a whole number from 1 to ${most}, not "${text}".`);
}
