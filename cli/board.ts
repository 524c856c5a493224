import { ListSecretsCommand, type SecretListEntry } from "@aws-sdk/client-secrets-manager";
import { fromAwsError, hasName } from "../core/aws.ts";
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

/** What a person should look at. */
export const STATES = ["frozen", "overdue", "pending", "candidate left", "last failed", "not readable"] as const;
export type SecretState = (typeof STATES)[number];

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
  readonly states: readonly SecretState[];
}

/**
 * A secret that is not there any more is left out, for ListSecrets may be five minutes behind. One that these credentials may not
 * look at, by its own policy for example, is a row of what the list says.
 *
 * @param all those without a policy, too; else each of them is passed over
 * @throws RotationError AccessDenied (of everything else), Throttled, ServiceUnavailable
 */
export async function* readBoard(
  session: Session,
  policies: readonly Policy[],
  { all, now, passOver }: { readonly all: boolean; readonly now: Date; readonly passOver?: () => void },
): AsyncGenerator<BoardRow> {
  const deployment = await session.deployment();
  const newest = await newestRuns(session, deployment);
  let count = 0;
  for await (const listed of listSecrets(session)) {
    const policy = policyFor(policies, listed);
    if (!all && policy === undefined) {
      passOver?.();
      continue;
    }
    count += 1;
    session.progress.say(`reading secrets: ${count}`);
    const runName = newest.get(executionNamePrefix(listed.arn));
    const row = await readBoardRow(session, { listed, policy, now, runName }).finally(() => session.progress.clear());
    if (row !== undefined) yield row;
  }
}

/** Every secret of the account. @throws RotationError AccessDenied, Throttled, ServiceUnavailable */
export async function* listSecrets({ clients }: Session): AsyncGenerator<Secret> {
  let NextToken: string | undefined;
  do {
    const request = { MaxResults: 100, ...(NextToken === undefined ? {} : { NextToken }) };
    const page = await clients.secretsManager
      .send(new ListSecretsCommand(request))
      .catch((error: unknown) => Promise.reject(fromAwsError(error, "secretsmanager:ListSecrets")));
    yield* (page.SecretList ?? []).map(toSecret);
    NextToken = page.NextToken;
  } while (NextToken !== undefined);
}

export interface Listed {
  /** As it was listed, or was read before. */
  readonly listed: Secret;
  readonly policy: Policy | undefined;
  readonly now: Date;
  /** Its newest execution's. */
  readonly runName: string | undefined;
}

/** One row of the board; undefined: the secret is not there any more. @throws as readBoard */
export async function readBoardRow(session: Session, listed: Listed): Promise<BoardRow | undefined> {
  return await readRow(session, await session.deployment(), listed).catch((error: unknown) => {
    if (hasName(error, "SecretNotFound")) return undefined;
    throw error;
  });
}

// --- internal ---

async function readRow(
  { clients: { secretsManager, sfn } }: Session,
  deployment: Deployment,
  { listed, policy, now, runName }: Listed,
): Promise<BoardRow> {
  const { stateMachineArn, region } = deployment;
  const described = await describeSecret(secretsManager, listed.arn).catch((error: unknown) => {
    if (hasName(error, "AccessDenied")) return undefined;
    throw error;
  });
  const secret = described ?? listed;
  const suspect = toSuspect({ client: secretsManager, sfn, stateMachineArn }, secret, policy);
  const run = runName === undefined ? undefined : await describeExecution(sfn, stateMachineArn, runName);
  const outcome = run && outcomeOf(run);
  const known = {
    ...{ secret, policy, run, outcome },
    class: classifySecret(secret, { gateFunctionArn: deployment.functionArn("gate"), region }).class,
    owner: policy?.owner,
  };
  if (described === undefined) {
    const states = [...statesOf(secret, [], outcome, 0), "not readable" as const];
    return { ...known, states, left: [], currentSince: undefined, nextAt: undefined, overdueMs: 0 };
  }
  const current = holderOf(secret.labels, AWSCURRENT);
  const nextMs = secret.deleted ? undefined : await dueAt(suspect);
  const overdueMs = secret.deleted ? 0 : await latenessOf(suspect, now.getTime());
  const isIdle = run === undefined || !isRunning(run);
  const left = isIdle ? (await leftOver(deployment, suspect, now.getTime())).filter(isCertain) : [];
  return {
    ...{ ...known, overdueMs, left },
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
): readonly SecretState[] {
  const states: SecretState[] = [];
  if (holderOf(labels, ROTATION_FROZEN) !== undefined) states.push("frozen");
  if (overdueMs > 0) states.push("overdue");
  for (const { label } of left) states.push(label === AWSPENDING ? "pending" : "candidate left");
  if (outcome !== undefined && FAILED.has(outcome)) states.push("last failed");
  return states;
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

/** What ListSecrets says of a secret, which may be five minutes old. */
function toSecret(entry: SecretListEntry): Secret {
  const { OwningService, Type, PrimaryRegion } = entry as SecretListEntry & { readonly Type?: string };
  return {
    arn: entry.ARN ?? "",
    name: entry.Name ?? "",
    rotationEnabled: entry.RotationEnabled,
    rotationLambdaArn: entry.RotationLambdaARN,
    hasRotationRules: entry.RotationRules !== undefined,
    lastRotatedAt: entry.LastRotatedDate,
    nextRotationAt: entry.NextRotationDate,
    lastChangedAt: entry.LastChangedDate,
    owningService: OwningService,
    type: Type,
    primaryRegion: PrimaryRegion,
    deleted: entry.DeletedDate !== undefined,
    tags: Object.fromEntries((entry.Tags ?? []).map(({ Key = "", Value = "" }) => [Key, Value])),
    labels: entry.SecretVersionsToStages ?? {},
  };
}
