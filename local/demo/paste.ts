import type { Account } from "../account.ts";
import type { Deployment } from "../deploy.ts";

/** Lines for another terminal that work on the account as they are. */
export function renderPaste(
  { endpoint, environment }: Pick<Account, "endpoint" | "environment">,
  { stateMachineArn }: Pick<Deployment, "stateMachineArn">,
  secretId: string,
): readonly string[] {
  const variables = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"];
  const aws = `${variables.map((name) => `${name}=${environment[name] ?? ""}`).join(" ")} aws --endpoint-url ${endpoint}`;
  const newest = "--query 'executions[0].executionArn' --output text";
  return [
    `${aws} secretsmanager rotate-secret --secret-id ${secretId}`,
    `${aws} secretsmanager describe-secret --secret-id ${secretId}`,
    `${aws} stepfunctions list-executions --state-machine-arn ${stateMachineArn}`,
    `${aws} stepfunctions get-execution-history --execution-arn "$(${aws} stepfunctions list-executions --state-machine-arn ${stateMachineArn} ${newest})"`,
  ];
}
