import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { EventBridgeClient, PutEventsCommand } from "@aws-sdk/client-eventbridge";
import { InvokeCommand, LambdaClient } from "@aws-sdk/client-lambda";
import {
  DescribeSecretCommand,
  GetSecretValueCommand,
  RotateSecretCommand,
  SecretsManagerClient,
} from "@aws-sdk/client-secrets-manager";
import { DescribeExecutionCommand, ListExecutionsCommand, SFNClient } from "@aws-sdk/client-sfn";
import { deriveToken, executionArn, executionName, MAX_ATTEMPTS } from "../../core/identity.ts";
import { holderOf } from "../../core/versions/secret.ts";
import type { TestDatabase } from "../support/database.ts";
import { type Labelled, someDoorOpens } from "./doors.ts";
import { type Before, type End, violationsOf } from "./judge.ts";
import { type Deployed, mortal } from "./mortal.ts";
import { remainsIn } from "./remains.ts";
import { createSecrets, type KilledSecret } from "./secrets.ts";
import type { Vector } from "./vectors.ts";

export interface LaneOptions {
  readonly directory: string;
  readonly program: string;
  readonly bundles: Readonly<Record<string, string>>;
  readonly database: TestDatabase;
}

export interface Played {
  readonly outcome: string;
  /** Milliseconds from the acceptance to the last thing that went on. */
  readonly took: number;
  /** For each kill, whether the rotation was under way. */
  readonly hits: readonly boolean[];
  /** Executions of reconcile's that had to finish it. */
  readonly repairs: number;
  readonly violations: readonly string[];
}

/** One account's process with a secret for each scenario. Rotations are played one after the other. */
export interface Lane extends AsyncDisposable {
  /** Ends the process in order, and starts it again. */
  renew(): Promise<void>;
  /** `duration` is what the vector's fractions are of. */
  play(vector: Vector, duration: number): Promise<Played>;
}

const ENVIRONMENT = {
  gate: { GATE_FIRST_PAUSE_MS: "20", TARGET_TIMEOUT_MS: "2000" },
  rotate: { TARGET_TIMEOUT_MS: "2000" },
  "roll-back": { CONFIRM_PAUSE_MS: "50", TARGET_TIMEOUT_MS: "2000" },
};
/** How often reconcile, which comes every 15 minutes, is called where nothing else brings a rotation to its end. */
const SWEEPS = 3;

export async function startLane({ directory, program, bundles, database }: LaneOptions): Promise<Lane> {
  const journal = join(directory, "journal");
  const account = mortal(program, join(directory, "settings.json"));
  const port = await freePort();
  const settings = { port, journal, bundles, environment: ENVIRONMENT };
  let deployed: Deployed = await account.start({ ...settings, policies: [] });

  const client = {
    ...{ endpoint: `http://127.0.0.1:${port}`, region: "us-east-1" },
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
  };
  const secretsManager = new SecretsManagerClient(client);
  const stepFunctions = new SFNClient(client);
  const eventBridge = new EventBridgeClient(client);
  const lambda = new LambdaClient(client);
  const secrets = await createSecrets(secretsManager, database);
  const policies = secrets.map(({ policy }) => policy);
  await restart();

  return {
    async renew() {
      await account.end();
      await restart();
    },
    async play({ scenario, after }, duration) {
      const secret = secrets[scenario] as KilledSecret;
      secret.dependent.faults.refresh = undefined;
      const before: Before = { ...(await labelled(secret)), executions: await executionsOf(secret) };
      if (secret.broken) secret.dependent.faults.refresh = 422;
      const hits: boolean[] = [];
      const violations: string[] = [];

      const token = await request(secret, before);
      const accepted = performance.now();
      for (const fraction of after) {
        await setTimeout(fraction * duration);
        await account.kill();
        const remains = await remainsIn(journal, secret.arn);
        hits.push(isUnderWay(secret, before, remains.executions));
        if (!(await someDoorOpens(database, remains)))
          violations.push("no labelled version signed in when it was killed");
        await restart();
      }
      await account.idle();
      for (let sweep = 0; sweep < SWEEPS && (await isOpen(secret, before)); sweep++) {
        await lambda.send(new InvokeCommand({ FunctionName: "reconcile", Payload: "{}" }));
        await account.idle();
      }
      const took = performance.now() - accepted;
      const end: End = {
        ...(await labelled(secret)),
        ...{ executions: await newExecutions(secret, before), messages: await account.inbox() },
      };
      violations.push(...(await violationsOf({ database, secret, before, end, token })));
      const [execution, ...repairs] = end.executions;
      return { outcome: execution?.outcome ?? "none", took, hits, repairs: repairs.length, violations };
    },
    async [Symbol.asyncDispose]() {
      await account[Symbol.asyncDispose]();
      for (const each of [secretsManager, stepFunctions, eventBridge, lambda]) each.destroy();
      for (const { dependent } of secrets) await dependent[Symbol.asyncDispose]();
    },
  };

  async function restart(): Promise<void> {
    await account.kill();
    deployed = await account.start({ ...settings, policies });
  }

  /** Returns the rotation's token, once it is accepted. */
  async function request({ mode, arn, name }: KilledSecret, { labels, executions }: Before): Promise<string> {
    if (mode === "driven") {
      const expectedVersionId = holderOf(labels, "AWSCURRENT") ?? "";
      const tokens = Array.from({ length: MAX_ATTEMPTS }, (_, index) => deriveToken(arn, expectedVersionId, index + 1));
      const free = tokens.findIndex((token) => !executions.includes(executionName(arn, token)));
      const Detail = JSON.stringify({ secretId: name, expectedVersionId, attempt: free + 1 });
      const entry = { EventBusName: "rotation", Source: "test", DetailType: "Rotation Requested", Detail };
      await eventBridge.send(new PutEventsCommand({ Entries: [entry] }));
      return tokens[free] ?? "";
    }
    const token = randomUUID();
    const RotationLambdaARN = deployed.functionArns["gate" as keyof Deployed["functionArns"]];
    const asked = { SecretId: arn, ClientRequestToken: token, RotationLambdaARN };
    await secretsManager.send(new RotateSecretCommand({ ...asked, RotationRules: { AutomaticallyAfterDays: 30 } }));
    return token;
  }

  async function labelled({ arn }: KilledSecret): Promise<Labelled> {
    const described = await secretsManager.send(new DescribeSecretCommand({ SecretId: arn }));
    const labels = described.VersionIdsToStages ?? {};
    const values = Object.keys(labels).map(async (VersionId) => {
      const read = await secretsManager.send(new GetSecretValueCommand({ SecretId: arn, VersionId }));
      return [VersionId, read.SecretString ?? ""];
    });
    return { labels, values: Object.fromEntries(await Promise.all(values)) };
  }

  async function executionsOf({ arn }: KilledSecret) {
    const { stateMachineArn } = deployed;
    const listed = await stepFunctions.send(new ListExecutionsCommand({ stateMachineArn, maxResults: 1000 }));
    return (listed.executions ?? []).map(({ name = "" }) => name).filter((name) => isOf(name, arn));
  }

  /** Nothing goes on by itself, and the rotation has not ended, or has left AWSPENDING behind. */
  async function isOpen(secret: KilledSecret, before: Before): Promise<boolean> {
    const { VersionIdsToStages: labels = {} } = await secretsManager.send(
      new DescribeSecretCommand({ SecretId: secret.arn }),
    );
    const pending = holderOf(labels, "AWSPENDING");
    const isLeft = pending !== undefined && pending !== holderOf(labels, "AWSCURRENT");
    return isLeft || (await newExecutions(secret, before)).length === 0;
  }

  async function newExecutions(secret: KilledSecret, { executions }: Before): Promise<End["executions"]> {
    const names = (await executionsOf(secret)).filter((name) => !executions.includes(name)).sort();
    return await Promise.all(names.map((name) => endOf(name)));
  }

  async function endOf(name: string): Promise<End["executions"][number]> {
    const described = await stepFunctions.send(
      new DescribeExecutionCommand({ executionArn: executionArn(deployed.stateMachineArn, name) }),
    );
    const { status = "", error, output, cause, input = "{}" } = described;
    const { outcome = "" } = JSON.parse(output ?? cause ?? "{}") as { outcome?: string };
    return { name, status, error, outcome, token: (JSON.parse(input) as { token: string }).token };
  }
}

function isUnderWay({ arn }: KilledSecret, before: Before, executions: Readonly<Record<string, string>>): boolean {
  const own = Object.entries(executions).filter(([name]) => isOf(name, arn) && !before.executions.includes(name));
  return own.length === 0 || own.some(([, status]) => status === "RUNNING");
}

function isOf(name: string, secretArn: string): boolean {
  return name.startsWith(executionName(secretArn, "").slice(0, "rot-0123456789abcdef-".length));
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}
