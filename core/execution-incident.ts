import type { Execution } from "./executions.ts";
import type { Incident } from "./incident.ts";
import { type Policy, policyFor } from "./policies.ts";
import type { RotationInput } from "./rotation-input.ts";
import { secretNameOf } from "./secret-names.ts";

/** What an incident of an execution says of it, whatever has happened to it. Pure. */
export function aboutExecution(
  policies: readonly Policy[],
  execution: Execution,
  { secretArn, token }: Pick<RotationInput, "secretArn" | "token">,
): Omit<Incident, "kind" | "name" | "message" | "nextSteps" | "severity" | "secretName"> & {
  readonly secretName: string;
} {
  const secretName = secretNameOf(secretArn);
  const policy = policyFor(policies, { arn: secretArn, name: secretName });
  return {
    secretArn,
    secretName,
    owner: policy?.owner ?? null,
    runbook: policy?.runbook ?? null,
    hasPolicy: policy !== undefined,
    token,
    step: null,
    functionArn: null,
    executionName: execution.name,
    executionArn: execution.arn,
    at: (execution.stoppedAt ?? new Date()).toISOString(),
  };
}
