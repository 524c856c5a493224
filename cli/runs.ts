import { ListExecutionsCommand, type ListExecutionsOutput, type SFNClient } from "@aws-sdk/client-sfn";
import { fromAwsError } from "../core/aws.ts";
import { describeExecution, type Execution, executionsOf } from "../core/executions.ts";
import { type Run, readRun } from "../core/history.ts";
import { executionName } from "../core/identity.ts";
import type { OutcomeFacts } from "../core/outcome.ts";
import { factsOf, readHistory } from "../core/run-facts.ts";
import { secretNameOf } from "../core/secret-names.ts";
import { AWSPENDING, describeSecret, holderOf, ROTATION_CANDIDATE } from "../core/versions/secret.ts";
import { CliError } from "./cli-error.ts";
import type { Clients } from "./clients.ts";
import type { Deployment } from "./deployment.ts";
import { EXIT } from "./exit-status.ts";

/** Which rotation an execution is of, as its input says. */
export interface RotationOf {
  readonly secretArn: string;
  readonly secretName: string;
  readonly token: string;
  readonly mode: string;
}

/** An execution that was asked for by name. */
export interface FoundRun {
  readonly execution: Execution;
  readonly rotation: RotationOf;
}

/**
 * The execution that a reference means: its name, its ARN, or a secret's name or ARN, which means the secret's newest.
 * @throws CliError there is none; RotationError AccessDenied, Throttled, ServiceUnavailable
 */
export async function findRun(clients: Clients, deployment: Deployment, reference: string): Promise<FoundRun> {
  const { stateMachineArn } = deployment;
  const name = /^arn:[\w-]+:states:/.test(reference) ? (reference.split(":").at(-1) ?? "") : reference;
  const execution = /^[\w-]{1,80}$/.test(name)
    ? await describeExecution(clients.sfn, stateMachineArn, name)
    : undefined;
  if (execution !== undefined) return { execution, rotation: rotationOf(execution) };
  const newest = await newestRunOf(clients, stateMachineArn, reference);
  if (newest !== undefined) return newest;
  throw new CliError(
    EXIT.environment,
    `There is no run ${reference} in stage ${deployment.stage}: neither an execution nor a secret with one is called so.`,
    "see which there are: rotor runs",
  );
}

/**
 * The newest execution of a secret, repairs included; undefined where there is none, or no such secret. ListExecutions may show the
 * past, so that what rotates the version with AWSPENDING or ROTATION_CANDIDATE is asked for by its name.
 */
export async function newestRunOf(
  { secretsManager, sfn }: Clients,
  stateMachineArn: string,
  secretId: string,
): Promise<FoundRun | undefined> {
  const secret = await describeSecret(secretsManager, secretId).catch((error: unknown) => {
    if ((error as Error).name === "SecretNotFound") return undefined;
    throw error;
  });
  if (secret === undefined) return undefined;
  const names = executionNamePrefix(secret.arn);
  const newest = await firstExecution(sfn, stateMachineArn, (name) => name.startsWith(names));
  const listed = newest === undefined ? undefined : await describeExecution(sfn, stateMachineArn, newest);
  const found = listed === undefined ? [] : [listed];
  const versions = [AWSPENDING, ROTATION_CANDIDATE].flatMap((label) => holderOf(secret.labels, label) ?? []);
  for (const version of new Set(versions))
    found.push(...(await executionsOf(sfn, stateMachineArn, secret.arn, version)));
  const begunAt = ({ startedAt }: Execution) => startedAt?.getTime() ?? 0;
  const execution = found.reduce<Execution | undefined>(
    (last, each) => (last === undefined || begunAt(each) > begunAt(last) ? each : last),
    undefined,
  );
  return execution && { execution, rotation: rotationOf(execution) };
}

/** What all executions of a secret are called at their beginning. */
export function executionNamePrefix(secretArn: string): string {
  return executionName(secretArn, "").slice(0, "rot-".length + 17);
}

/** Texts that cannot be identifiers are left empty: an input may be anybody's. */
export function rotationOf({ input }: Execution): RotationOf {
  const text = (name: string) => {
    const value = input[name];
    return typeof value === "string" && /^[!-~]{1,2048}$/.test(value) ? value : "";
  };
  const secretArn = text("secretArn");
  return {
    secretArn,
    secretName: secretArn === "" ? "" : secretNameOf(secretArn),
    token: text("token"),
    mode: text("mode"),
  };
}

export type ListedRun = NonNullable<ListExecutionsOutput["executions"]>[number];

/** Executions, newest first, in pages as they are asked for. @throws RotationError AccessDenied, Throttled, ServiceUnavailable */
export async function* listRuns(
  sfn: SFNClient,
  stateMachineArn: string,
  filter: Pick<ListExecutionsCommand["input"], "statusFilter"> = {},
): AsyncGenerator<ListedRun> {
  let nextToken: string | undefined;
  do {
    const page = await pageOfRuns(sfn, { stateMachineArn, ...filter, nextToken });
    yield* page.runs;
    nextToken = page.nextToken;
  } while (nextToken !== undefined);
}

/** The newest 1,000, or those after them. @throws as listRuns */
export async function pageOfRuns(
  sfn: SFNClient,
  { nextToken, ...filter }: ListExecutionsCommand["input"],
): Promise<{ readonly runs: readonly ListedRun[]; readonly nextToken: string | undefined }> {
  const request = { ...filter, maxResults: 1000, ...(nextToken === undefined ? {} : { nextToken }) };
  const page = await sfn
    .send(new ListExecutionsCommand(request))
    .catch((error: unknown) => Promise.reject(fromAwsError(error, "states:ListExecutions")));
  return { runs: page.executions ?? [], nextToken: page.nextToken };
}

/** The steps of an execution, and once it has an outcome what its last step told. */
export async function readRunOf(
  sfn: SFNClient,
  executionArn: string,
): Promise<{ readonly run: Run; readonly facts: OutcomeFacts | undefined }> {
  const run = readRun((await readHistory(sfn, executionArn)) ?? [], new Date());
  return { run, facts: factsOf(run) };
}

// --- internal ---

async function firstExecution(
  sfn: SFNClient,
  stateMachineArn: string,
  is: (name: string) => boolean,
): Promise<string | undefined> {
  for await (const { name = "" } of listRuns(sfn, stateMachineArn)) if (is(name)) return name;
  return undefined;
}
