import type { ExecutionStatus } from "../engine/execution.ts";
import { MAXIMUM_PAYLOAD_BYTES } from "../engine/visit.ts";
import { AwsError } from "./service.ts";

/** The members that operations look at, as text; each operation requires its own. */
export type Input<Required extends string> = Partial<Record<Required, string>> & {
  readonly name?: string;
  readonly input?: string;
  readonly type?: string;
  readonly publish?: boolean;
  readonly error?: string;
  readonly cause?: string;
  readonly clientToken?: string;
  readonly redriveFilter?: string;
  readonly includedData?: "ALL_DATA" | "METADATA_ONLY";
  readonly statusFilter?: ExecutionStatus;
  readonly reverseOrder?: boolean;
  readonly includeExecutionData?: boolean;
  readonly maxResults?: number;
  readonly nextToken?: string;
};

/** The member, which the operation cannot do without. @throws AwsError ValidationException */
export function required<Key extends string>(input: Partial<Record<Key, string>>, key: Key): string {
  const value = input[key];
  if (typeof value === "string" && value !== "") return value;
  throw new AwsError(
    "ValidationException",
    `1 validation error detected: Value null at '${key}' failed to satisfy constraint: Member must not be null`,
  );
}

/** 1 to 80 characters, none of those that AWS lists (secrets-manager-rotation 7). @throws AwsError InvalidName */
export function checkName(name: string): void {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: AWS refuses control characters in names
  if (/^[^\s<>{}[\]?*"#%\\^|~`$&,;:/\u0000-\u001f\u007f-\u009f]{1,80}$/.test(name)) return;
  throw new AwsError("InvalidName", `Invalid Name: '${name}'`);
}

/** In bytes of UTF-8. @throws AwsError ValidationException */
export function checkLength(member: string, text: string | undefined, maximum: number): void {
  if (text === undefined || Buffer.byteLength(text) <= maximum) return;
  throw new AwsError(
    "ValidationException",
    `1 validation error detected: Value at '${member}' failed to satisfy constraint: ` +
      `Member must have length less than or equal to ${maximum}`,
  );
}

/** The result of a task, as text. @throws AwsError InvalidOutput, ValidationException */
export function checkOutput(text: string): string {
  checkLength("output", text, MAXIMUM_PAYLOAD_BYTES);
  try {
    JSON.parse(text);
    return text;
  } catch {
    throw new AwsError("InvalidOutput", `Invalid Output: '${text}' is not valid JSON.`);
  }
}

/** @throws AwsError InvalidExecutionInput, ValidationException */
export function checkInput(text: string): void {
  checkLength("input", text, MAXIMUM_PAYLOAD_BYTES);
  try {
    JSON.parse(text);
  } catch (error) {
    const message = text === "" ? "Invalid execution input." : (error as Error).message;
    throw new AwsError("InvalidExecutionInput", `Invalid State Machine Execution Input: '${message}'`);
  }
}

/** @throws AwsError InvalidArn */
export function checkArn(arn: string, type: string): void {
  if (new RegExp(`^arn:aws[\\w-]*:states:[^:]+:\\d{12}:${type}:.+$`).test(arn)) return;
  throw new AwsError("InvalidArn", `Invalid Arn: '${arn}' is not the ARN of: ${type}`);
}
