import type { InterceptedCall } from "../../local/wire-calls.ts";

/** A call of the account in one line. */
export function lineOf({ service, operation, caller, input }: InterceptedCall, step: number): string {
  const { Payload, ...rest } = input as { Payload?: Record<string, unknown> };
  const told = Payload === undefined ? rest : { ...Payload, plan: undefined, RotationToken: undefined };
  const text = Object.entries(told)
    .filter(([key, value]) => typeof value === "string" && !HIDDEN.has(key))
    .map(([, value]) => String(value).slice(0, 60))
    .join(" ");
  return `${step} ${caller ?? "-"} ${service}.${operation} ${text}`;
}

const HIDDEN = new Set(["SecretId", "secretArn", "SecretString", "stateMachineArn", "FunctionName", "secretName"]);
