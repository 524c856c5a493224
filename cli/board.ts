import { ListSecretsCommand } from "@aws-sdk/client-secrets-manager";
import { fromAwsError } from "../core/aws.ts";
import { classifySecret, type SecretClass } from "../core/classify-secret.ts";
import { describeExecution, type Execution, type ExecutionOutcome, isRunning, outcomeOf } from "../core/executions.ts";
import { type Policy, policyFor } from "../core/policies.ts";
import { dueAt, latenessOf } from "../core/reconcile/lateness.ts";
import { toSuspect } from "../core/reconcile/suspect.ts";
import {
  AWSCURRENT,
  AWSPENDING,
  describeSecret,
  holderOf,
  ROTATION_FROZEN,
  type Secret,
} from "../core/versions/secret.ts";
import type { Deployment } from "./deployment.ts";
import { type LeftOver, leftOver } from "./left-over.ts";
import { executionNamePrefix, listRuns } from "./runs.ts";
import type { Session } from "./session.ts";

/** What is known of one secret. */
export interface BoardRow {
  readonly secret: Secret;
  readonly policy: Policy | undefined;
  readonly class: SecretClass["class"];
  readonly owner: string | undefined;
  /** The newest execution; undefined: none in the 90 days that Step Functions keeps. */
  readonly run: Execution | undefined;
  readonly outcome: ExecutionOutcome | undefined;
  /** When AWSCURRENT was created, or at the latest. */
  readonly currentSince: Date | undefined;
  readonly nextAt: Date | undefined;
  /** 0 where nothing is overdue. */
  readonly overdueMs: number;
  /** Versions that rotations have left for certain. */
  readonly left: readonly LeftOver[];
  /** What a person should look at: "frozen", "overdue", "pending", "candidate left", "last failed". */
  readonly states: readonly string[];
}

/**
 * @param all those without a policy, too; else each of them is passed over
 * @throws RotationError AccessDenied, Throttled, ServiceUnavailable
 */
export async function* readBoard(
  session: Session,
  policies: readonly Policy[],
  { all, now, passOver }: { readonly all: boolean; readonly now: Date; readonly passOver?: () => void },
): AsyncGenerator<BoardRow> {
  const deployment = await session.deployment();
  const newest = await newestRuns(session, deployment);
  for await (const listed of listSecrets(session)) {
    const policy = policyFor(policies, listed);
    if (!all && policy === undefined) {
      passOver?.();
      continue;
    }
    yield await readRow(session, deployment, {
      id: listed.arn,
      policy,
      now,
      runName: newest.get(executionNamePrefix(listed.arn)),
    });
  }
}

// --- internal ---

async function readRow(
  { clients: { secretsManager, sfn } }: Session,
  deployment: Deployment,
  { id, policy, now, runName }: { id: string; policy: Policy | undefined; now: Date; runName: string | undefined },
): Promise<BoardRow> {
  const { stateMachineArn, region } = deployment;
  const secret = await describeSecret(secretsManager, id);
  const suspect = toSuspect({ client: secretsManager, sfn, stateMachineArn }, secret, policy);
  const run = runName === undefined ? undefined : await describeExecution(sfn, stateMachineArn, runName);
  const outcome = run && outcomeOf(run);
  const current = holderOf(secret.labels, AWSCURRENT);
  const nextMs = secret.deleted ? undefined : await dueAt(suspect);
  const overdueMs = secret.deleted ? 0 : await latenessOf(suspect, now.getTime());
  const isIdle = run === undefined || !isRunning(run);
  const left = isIdle ? (await leftOver(deployment, suspect, now.getTime())).filter(isCertain) : [];
  return {
    ...{ secret, policy, run, outcome, overdueMs, left },
    class: classifySecret(secret, { gateFunctionArn: deployment.functionArn("gate"), region }).class,
    owner: policy?.owner,
    currentSince: current === undefined ? undefined : (await suspect.age(current)).latest,
    nextAt: nextMs === undefined ? undefined : new Date(nextMs),
    states: statesOf(secret, left, outcome, overdueMs),
  };
}

function isCertain({ state }: LeftOver): boolean {
  return state !== "young";
}

function statesOf(
  { labels }: Secret,
  left: readonly LeftOver[],
  outcome: ExecutionOutcome | undefined,
  overdueMs: number,
): readonly string[] {
  return [
    ...(holderOf(labels, ROTATION_FROZEN) === undefined ? [] : ["frozen"]),
    ...(overdueMs > 0 ? ["overdue"] : []),
    ...left.map(({ label }) => (label === AWSPENDING ? "pending" : "candidate left")),
    ...(outcome !== undefined && FAILED.has(outcome) ? ["last failed"] : []),
  ];
}

const FAILED: ReadonlySet<ExecutionOutcome> = new Set([
  "REJECTED",
  "ROLLED_BACK",
  "NOT_CONVERGED",
  "ROLLBACK_FAILED",
  "DIED",
]);

/** The newest execution's name, by what those of a secret begin with. */
async function newestRuns({ clients }: Session, { stateMachineArn }: Deployment): Promise<ReadonlyMap<string, string>> {
  const newest = new Map<string, string>();
  for await (const { name = "" } of listRuns(clients.sfn, stateMachineArn)) {
    const prefix = name.slice(0, executionNamePrefix("").length);
    if (!newest.has(prefix)) newest.set(prefix, name);
  }
  return newest;
}

async function* listSecrets({ clients }: Session): AsyncGenerator<{ readonly arn: string; readonly name: string }> {
  let NextToken: string | undefined;
  do {
    const request = { MaxResults: 100, ...(NextToken === undefined ? {} : { NextToken }) };
    const page = await clients.secretsManager
      .send(new ListSecretsCommand(request))
      .catch((error: unknown) => Promise.reject(fromAwsError(error, "secretsmanager:ListSecrets")));
    for (const { ARN: arn = "", Name: name = "" } of page.SecretList ?? []) yield { arn, name };
    NextToken = page.NextToken;
  } while (NextToken !== undefined);
}
