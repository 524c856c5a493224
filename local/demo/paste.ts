import type { Account } from "../account.ts";
import type { Deployment } from "../deploy.ts";

/** What of the demo goes on. */
export interface LeftRunning {
  readonly account: Pick<Account, "endpoint" | "region" | "environment">;
  readonly deployment: Pick<Deployment, "stateMachineArn">;
  readonly secretId: string;
  /** Where the service that breaks is told to, and the database whose password is changed. */
  readonly serviceUrl: string;
  readonly databaseUrl: string;
}

/** Lines for another terminal that work on what is left running as they are. In any shell: none has a comment, which not every shell takes. */
export function renderPaste({
  account: { endpoint, region, environment },
  deployment: { stateMachineArn },
  secretId,
  serviceUrl,
  databaseUrl,
}: LeftRunning): readonly string[] {
  const variables = {
    AWS_ENDPOINT_URL: endpoint,
    // Either name: the SDKs know the first, older AWS CLIs the second only.
    AWS_REGION: region,
    AWS_DEFAULT_REGION: region,
    AWS_ACCESS_KEY_ID: environment["AWS_ACCESS_KEY_ID"],
    AWS_SECRET_ACCESS_KEY: environment["AWS_SECRET_ACCESS_KEY"],
    BILLING_WORKER: serviceUrl,
    ORDERS_DB: databaseUrl,
  };
  const aws = "aws --endpoint-url $AWS_ENDPOINT_URL";
  const executions = `${aws} stepfunctions list-executions --state-machine-arn ${stateMachineArn}`;
  const newest = "--query 'executions[0].executionArn' --output text";
  return [
    // A profile would be asked for credentials instead of these variables.
    "unset AWS_PROFILE",
    ...Object.entries(variables).map(([name, value = ""]) => `export ${name}=${value}`),
    'alias rotor="npm run --silent rotor --"',
    "",
    'Then, there (README.md, "Operate it", goes through it):',
    "",
    "rotor secrets",
    `rotor rotate ${secretId} --wait`,
    `rotor watch ${secretId}`,
    `rotor doctor ${secretId}`,
    "rotor report",
    "rotor view --open",
    "",
    "billing-worker refuses to read its secret again, and takes it again:",
    "",
    `curl -d '{"refresh": 422}' $BILLING_WORKER/fault`,
    `curl -d '{"refresh": null}' $BILLING_WORKER/fault`,
    "",
    "Somebody changes the password in the database, which no rotation can get over, and sets it back to AWSCURRENT's:",
    "",
    `curl -d '{"password": "by hand"}' $ORDERS_DB/fault`,
    `curl -d '{"password": null}' $ORDERS_DB/fault`,
    "",
    "The AWS CLI works on it, too:",
    "",
    `${aws} secretsmanager rotate-secret --secret-id ${secretId}`,
    `${aws} secretsmanager describe-secret --secret-id ${secretId}`,
    executions,
    `${aws} stepfunctions get-execution-history --execution-arn "$(${executions} ${newest})"`,
  ];
}
