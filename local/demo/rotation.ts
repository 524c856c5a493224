import { setTimeout as sleep } from "node:timers/promises";
import {
  DescribeSecretCommand,
  GetSecretValueCommand,
  RotateSecretCommand,
  type SecretsManagerClient,
} from "@aws-sdk/client-secrets-manager";
import type { SFNClient } from "@aws-sdk/client-sfn";
import { Client } from "pg";
import { z } from "zod";
import { type Run, readRun } from "../../core/history.ts";
import { executionArn, executionName } from "../../core/identity.ts";
import { notificationBody } from "../../core/notifications/schema.ts";
import type { LabelTable, OutcomeFacts } from "../../core/outcome.ts";
import { factsOf, readHistory } from "../../core/run-facts.ts";
import type { SentMessage } from "../../core/terminal/run-text.ts";
import { holderOf } from "../../core/versions/secret.ts";
import type { World } from "./world.ts";

/** How long one rotation may take, in ms. */
const DEADLINE_MS = 60_000;
const RECORD_MS = 20_000;
const PAUSE_MS = 100;

/** One rotation, from RotateSecret to the end of its execution. */
export interface Rotation {
  readonly secretId: string;
  /** VersionId of the candidate, and of what was AWSCURRENT before. */
  readonly token: string;
  readonly base: string;
  readonly labelsBefore: LabelTable;
  readonly run: Run;
  readonly facts: OutcomeFacts | undefined;
  readonly messages: readonly SentMessage[];
  /** The first sentence of what was sent to the events topic. */
  readonly verdict: string | undefined;
}

/**
 * Asks Secrets Manager for a rotation, as its schedule or the console do, and follows the execution to its end.
 * @param follow called with what the history says, again and again
 * @throws Error when the execution does not end in 60 s; the SDK's errors
 */
export async function rotate(
  world: World,
  secretId: string,
  follow: (run: Run) => void,
  signal: AbortSignal,
): Promise<Rotation> {
  const { secretsManager, deployment } = world;
  const before = await describe(secretsManager, secretId);
  const reply = await secretsManager.send(
    new RotateSecretCommand({
      SecretId: secretId,
      RotationLambdaARN: deployment.functionArns.gate,
      RotationRules: { AutomaticallyAfterDays: 30 },
    }),
  );
  const token = reply.VersionId ?? "";
  const name = executionName(reply.ARN ?? "", token);
  const run = await watch(world.stepFunctions, executionArn(deployment.stateMachineArn, name), follow, signal);
  const sent = messagesOf(world, `${name}:`);
  return {
    secretId,
    token,
    base: holderOf(before.labels, "AWSCURRENT") ?? "",
    labelsBefore: before.labels,
    run,
    facts: factsOf(run),
    ...sent,
  };
}

/** Waits, up to 20 s, until Secrets Manager itself has recorded a rotation as succeeded, and so takes the next one. */
export async function untilRecorded(
  { secretsManager }: World,
  secretId: string,
  token: string,
  signal: AbortSignal,
): Promise<boolean> {
  for (const deadline = Date.now() + RECORD_MS; Date.now() < deadline; await sleep(PAUSE_MS, undefined, { signal })) {
    const { labels, rotatedAt } = await describe(secretsManager, secretId);
    if (rotatedAt !== undefined && holderOf(labels, "AWSCURRENT") === token) return true;
  }
  return false;
}

export async function readLabels(world: World, secretId: string): Promise<LabelTable> {
  return (await describe(world.secretsManager, secretId)).labels;
}

/** A fresh connection with the version's own credential: what the database says to it. */
export async function signIn(world: World, secretId: string, versionId: string): Promise<"accepted" | "rejected"> {
  const { SecretString } = await world.secretsManager.send(
    new GetSecretValueCommand({ SecretId: secretId, VersionId: versionId }),
  );
  const { host, port, dbname, username, password } = credential.parse(JSON.parse(SecretString ?? ""));
  const client = new Client({
    host,
    port,
    database: dbname,
    user: username,
    password,
    ssl: false,
    application_name: "demo",
  });
  client.on("error", () => {});
  try {
    await client.connect();
    await client.query("SELECT 1");
    return "accepted";
  } catch (error) {
    // invalid_password
    if ((error as { readonly code?: unknown }).code === "28P01") return "rejected";
    throw error;
  } finally {
    await client.end().catch(() => {});
  }
}

// --- internal ---

const credential = z.looseObject({
  host: z.string(),
  port: z.number(),
  dbname: z.string(),
  username: z.string(),
  password: z.string(),
});

async function describe(client: SecretsManagerClient, secretId: string) {
  const reply = await client.send(new DescribeSecretCommand({ SecretId: secretId }));
  return { labels: reply.VersionIdsToStages ?? {}, rotatedAt: reply.LastRotatedDate };
}

async function watch(client: SFNClient, arn: string, follow: (run: Run) => void, signal: AbortSignal): Promise<Run> {
  for (const deadline = Date.now() + DEADLINE_MS; Date.now() < deadline; await sleep(PAUSE_MS, undefined, { signal })) {
    const events = await readHistory(client, arn);
    if (events === undefined) continue;
    const run = readRun(events, new Date());
    follow(run);
    if (run.status !== "RUNNING") return run;
  }
  throw new Error(`The execution ${arn} has not ended in ${DEADLINE_MS / 1000} s: is this machine very busy?`);
}

function messagesOf({ account, deployment }: World, idPrefix: string) {
  const bodies = account.sns
    .inbox(deployment.topicArns.events)
    .map(({ Message }) => notificationBody.parse(JSON.parse(Message)))
    .filter(({ id }) => id.startsWith(idPrefix));
  // The email's own text names no id; its history command does name the execution.
  const emails = account.sns
    .inbox(deployment.topicArns.email)
    .filter(({ Message }) => Message.includes(`:${idPrefix.slice(0, -1)}`));
  const messages: SentMessage[] = [
    ...bodies.map(({ event, severity, id }) => ({ topic: "events", event, severity, id })),
    ...emails.map(({ Subject = "", MessageAttributes }) => ({
      topic: "email",
      event: MessageAttributes["event"]?.StringValue ?? "",
      severity: MessageAttributes["severity"]?.StringValue ?? "",
      subject: Subject,
      id: bodies[0]?.id ?? "",
    })),
  ];
  return { messages, verdict: bodies[0]?.summary };
}
