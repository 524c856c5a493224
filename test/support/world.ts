import { randomUUID } from "node:crypto";
import { EventBridgeClient, PutEventsCommand } from "@aws-sdk/client-eventbridge";
import {
  CreateSecretCommand,
  DescribeSecretCommand,
  GetSecretValueCommand,
  RotateSecretCommand,
  SecretsManagerClient,
  UpdateSecretVersionStageCommand,
} from "@aws-sdk/client-secrets-manager";
import {
  DescribeExecutionCommand,
  type DescribeExecutionOutput,
  GetExecutionHistoryCommand,
  type HistoryEvent,
  ListExecutionsCommand,
  SFNClient,
} from "@aws-sdk/client-sfn";
import { inject } from "vitest";
import type { FunctionName } from "../../core/blueprint.ts";
import { type FunctionId, functionSuffix } from "../../core/deployed-functions.ts";
import { executionArn, executionName } from "../../core/identity.ts";
import type { IncidentNotification } from "../../core/notifications/incident-schema.ts";
import type { LabelTable } from "../../core/outcome.ts";
import type { PolicyInput } from "../../core/policies.ts";
import { type Account, startAccount } from "../../local/account.ts";
import { type Deployment, deploy } from "../../local/deploy.ts";
import type { RotationRetry } from "../../local/services/index.ts";
import type { Seed } from "../../local/services/secretsmanager.ts";
import type { BusEvent } from "../../local/services/service.ts";
import { VirtualClock } from "../../local/virtual-clock.ts";
import { queryAs, type TestDatabase, uniqueName, useDatabase } from "./database.ts";
import { type DatabaseProxy, startDatabaseProxy } from "./database-proxy.ts";
import { type DependentDouble, startDependent } from "./dependent-double.ts";
import { type LeakWatch, watchForLeaks } from "./leak-watch.ts";
import { leaksOf } from "./leaks.ts";
import { threads } from "./threads.ts";

export interface WorldOptions {
  readonly rotation?: Partial<RotationRetry>;
  readonly environment?: Partial<Record<FunctionName, Record<string, string>>>;
  /** Lambda timeouts of single functions, in milliseconds, in place of the blueprint's. */
  readonly timeoutsMs?: Partial<Record<FunctionName, number>>;
  /** Events that never arrive. The schedule of reconcile is never among those that do: tests call it when they mean it. */
  readonly loses?: (event: BusEvent) => boolean;
  /** In place of the run's own: the bundled file of each function. */
  readonly bundles?: Readonly<Record<string, string>>;
  /** Values are let out on purpose: what becomes of them is looked at by the test itself, with `leakWatch`. */
  readonly isLeaky?: boolean;
  /** How far the account's clock is behind the functions' own when it starts, in milliseconds. Default 0. */
  readonly startsAgoMs?: number;
  /** The workflow's definition as another release deployed it. Default: the project's. */
  readonly definition?: string;
}

export interface SecretOptions {
  /** Default: one of its own. */
  readonly name?: string;
  readonly policy?: Partial<PolicyInput>;
  /** Dependents by name; "cache" ones reload only when refreshed. */
  readonly dependents?: Readonly<Record<string, "reload" | "cache">>;
  /** Of single dependents: fields of their policy. */
  readonly dependentPolicy?: Readonly<Record<string, Record<string, unknown>>>;
  readonly username?: string;
  readonly password?: string;
  readonly alternating?: boolean;
  readonly overrides?: Record<string, unknown>;
  /** The service that manages the secret: it rotates it, at the database too, when it is asked by RotateSecret. */
  readonly managedBy?: Pick<Seed, "OwningService" | "Type" | "eventShape">;
}

export interface AnySecret {
  readonly arn: string;
  readonly name: string;
  readonly firstVersion: string;
  /** Its rotation function. Absent: PostgreSQL's. */
  readonly gate?: FunctionId;
}

export interface TestSecret extends AnySecret {
  readonly username: string;
  readonly dependents: Readonly<Record<string, DependentDouble>>;
  /** Between our functions and PostgreSQL. Dependents go through it, too. */
  readonly proxy: DatabaseProxy;
}

export interface Run {
  readonly execution: DescribeExecutionOutput;
  readonly history: readonly HistoryEvent[];
  /** States in the order they were entered; iterations of a Map included. */
  readonly path: readonly string[];
}

/** One account with the project deployed, on virtual time, with secrets of the run's PostgreSQL. */
export interface World extends AsyncDisposable {
  readonly account: Account;
  readonly database: TestDatabase;
  readonly client: SecretsManagerClient;
  readonly sfn: SFNClient;
  readonly clock: VirtualClock;
  /** What the search for leaks at the end goes through. */
  readonly leakWatch: LeakWatch;
  deployment(): Deployment;
  /** Deploys these bundles in place of those before. Functions that stay as they are stay warm. */
  deployBundles(bundles: Readonly<Record<string, string>>): Promise<void>;
  addSecret(options?: SecretOptions): Promise<TestSecret>;
  /** A secret with this value, of any engine, and its policy. A text is put as it is, anything else as JSON. */
  add(value: object | string, policy: Omit<PolicyInput, "secretId">): Promise<AnySecret>;
  /** Deploys once more, with this policy too. */
  addPolicy(policy: PolicyInput): Promise<void>;
  /** RotateSecret, as the console, the schedule and the AWS CLI ask for it. Returns the token. */
  rotate(secret: AnySecret, token?: string): Promise<string>;
  /** "Rotation Requested" on the rotation bus. Returns once nothing is at work any more. */
  request(secret: AnySecret, detail?: Record<string, unknown>): Promise<void>;
  /** Puts an event on the rotation bus as a requester does, and returns once nothing is at work any more. */
  ask(detailType: string, detail: Record<string, unknown>): Promise<void>;
  /** Nothing is at work any more: no event, no rotation, no execution. */
  settled(): Promise<void>;
  run(secret: AnySecret, token: string, repair?: number): Promise<Run>;
  executions(): Promise<readonly string[]>;
  labels(secret: AnySecret): Promise<LabelTable>;
  moveLabel(secret: TestSecret, label: string, to: string | undefined, from: string | undefined): Promise<void>;
  /** Whether the version's credential opens the door now. */
  signsIn(secret: TestSecret, versionId: string): Promise<boolean>;
  password(secret: TestSecret, versionId: string): Promise<string>;
  /** The outcomes that were published to the events topic, oldest first. */
  notifications(): readonly Record<string, never>[];
  /** The incidents that were published to the events topic, oldest first. */
  incidents(): readonly IncidentNotification["json"][];
}

const VERIFY = { intervalSeconds: 1, deadlineSeconds: 20 };

export async function startWorld(options: WorldOptions = {}): Promise<World> {
  const database = useDatabase();
  const clock = new VirtualClock({ start: Date.now() - (options.startsAgoMs ?? 0) });
  const isLost = (event: BusEvent) => event["detail-type"] === "Scheduled Event" || options.loses?.(event) === true;
  const account = await startAccount({
    clock,
    threads,
    rotation: { attempts: 0, ...options.rotation },
    chaos: { copies: (event) => (isLost(event) ? 0 : 1) },
  });
  const leakWatch = await watchForLeaks(account, database);
  const configuration = {
    endpoint: account.endpoint,
    region: account.region,
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
  };
  const client = new SecretsManagerClient(configuration);
  const sfn = new SFNClient(configuration);
  const eventBridge = new EventBridgeClient(configuration);
  const disposables: AsyncDisposable[] = [];
  const policies: PolicyInput[] = [];
  const environment = withDefaults(options.environment);
  const known = withDefinition(withoutRepetition(account), options.definition);
  const place = withTimeouts(known, options.timeoutsMs);
  let bundles = options.bundles ?? inject("bundles");
  const deployAgain = () => deploy(place, { config: policies, bundles, environment });
  let deployment = await deployAgain();

  const settled = () => account.idle();
  const published = () => account.sns.inbox(deployment.topicArns.events).map((message) => JSON.parse(message.Message));

  const world: World = {
    account,
    database,
    client,
    sfn,
    clock,
    settled,
    leakWatch,
    deployment: () => deployment,

    async deployBundles(changed) {
      bundles = changed;
      deployment = await deployAgain();
    },

    async addSecret({ policy, dependents = {}, dependentPolicy = {}, overrides, ...rest }: SecretOptions = {}) {
      const name = rest.name ?? uniqueName("test/db");
      const username = rest.username ?? uniqueName("app");
      const password = rest.password ?? `first-${randomUUID()}`;
      const proxy = await startDatabaseProxy(database);
      disposables.push(proxy);
      await database.createRole(username, password);
      const masterarn = rest.alternating ? await addAdministrator(client, database, proxy) : undefined;
      const value = {
        engine: "postgres",
        host: proxy.host,
        port: proxy.port,
        dbname: "postgres",
        ssl: false,
        username,
        password,
        ...(masterarn === undefined ? {} : { masterarn }),
        ...overrides,
      };
      const SecretString = JSON.stringify(value);
      const created = rest.managedBy
        ? account.secretsManager.seed({
            ...{ Name: name, SecretString, ...rest.managedBy, RotationRules: { AutomaticallyAfterDays: 7 } },
            rotate: (current) => rotateAsOwner(database, current),
          })
        : await client.send(new CreateSecretCommand({ Name: name, SecretString }));
      const arn = created.ARN ?? "";
      const doubles: Record<string, DependentDouble> = {};
      for (const [each, mode] of Object.entries(dependents)) {
        const double = await startDependent(each, arn, client, mode);
        disposables.push(double);
        doubles[each] = double;
      }
      const own: PolicyInput = {
        secretId: name,
        strategy: rest.alternating ? "postgres-alternating-users" : "postgres-single-user",
        ...(masterarn === undefined ? {} : { administratorSecretId: masterarn }),
        retryAfterRollbackSeconds: 0,
        verify: VERIFY,
        dependents: Object.values(doubles).map((each) => ({
          name: each.name,
          kind: "http-endpoint",
          application: each.name,
          target: { refresh: `${each.url}/refresh`, verify: `${each.url}/health`, probe: `${each.url}/probe` },
          ...dependentPolicy[each.name],
        })),
        ...policy,
      };
      await world.addPolicy(own);
      return {
        arn,
        name,
        username,
        firstVersion: created.VersionId ?? "",
        dependents: doubles,
        proxy,
        gate: gateOf(own),
      };
    },

    async add(value, policy) {
      const name = uniqueName("test/other");
      const SecretString = typeof value === "string" ? value : JSON.stringify(value);
      const created = await client.send(new CreateSecretCommand({ Name: name, SecretString }));
      await world.addPolicy({ secretId: name, retryAfterRollbackSeconds: 0, verify: VERIFY, ...policy });
      return { arn: created.ARN ?? "", name, firstVersion: created.VersionId ?? "", gate: gateOf(policy) };
    },

    async addPolicy(policy) {
      policies.push(policy);
      deployment = await deployAgain();
    },

    async rotate(secret, token = randomUUID()) {
      const request = {
        SecretId: secret.arn,
        ClientRequestToken: token,
        RotationLambdaARN: deployment.functionArns[secret.gate ?? "gate"],
        RotationRules: { AutomaticallyAfterDays: 30 },
      };
      await client.send(new RotateSecretCommand(request));
      await settled();
      return token;
    },

    async request(secret, detail) {
      const current = Object.entries(await world.labels(secret)).find(([, labels]) =>
        labels.includes("AWSCURRENT"),
      )?.[0];
      await world.ask("Rotation Requested", { secretId: secret.name, expectedVersionId: current, ...detail });
    },

    async ask(DetailType, detail) {
      const entry = { EventBusName: "rotation", Source: "test", DetailType, Detail: JSON.stringify(detail) };
      await eventBridge.send(new PutEventsCommand({ Entries: [entry] }));
      await settled();
    },

    async run(secret, token, repair) {
      const name = executionName(secret.arn, token) + (repair === undefined ? "" : `-r${repair}`);
      const arn = executionArn(deployment.stateMachineArn, name);
      const execution = await sfn.send(new DescribeExecutionCommand({ executionArn: arn }));
      const history = await readHistory(sfn, arn);
      const path = history.flatMap((event) => event.stateEnteredEventDetails?.name ?? []);
      return { execution, history, path };
    },

    async executions() {
      const listed = await sfn.send(new ListExecutionsCommand({ stateMachineArn: deployment.stateMachineArn }));
      return (listed.executions ?? []).map((each) => each.name ?? "");
    },

    async labels(secret) {
      return (await client.send(new DescribeSecretCommand({ SecretId: secret.arn }))).VersionIdsToStages ?? {};
    },

    async moveLabel(secret, label, to, from) {
      const move = { SecretId: secret.arn, VersionStage: label, MoveToVersionId: to, RemoveFromVersionId: from };
      await client.send(new UpdateSecretVersionStageCommand(move));
    },

    async signsIn(secret, versionId) {
      const { username, password } = await readLogin(client, secret, versionId);
      return queryAs({ ...database, username, password }, "SELECT 1").then(
        () => true,
        (error: { code?: string }) => {
          if (error.code === "28P01" || error.code === "28000") return false;
          throw error;
        },
      );
    },

    password: async (secret, versionId) => (await readLogin(client, secret, versionId)).password,

    notifications: () => published().filter(({ schema }) => schema === "rotation.notification/1"),
    incidents: () => published().filter(({ schema }) => schema === "rotation.incident/1"),

    async [Symbol.asyncDispose]() {
      try {
        await settled();
        const leaks = options.isLeaky ? {} : await leaksOf(leakWatch, [database.admin.password]);
        const found = Object.entries(leaks).map(([place, forms]) => `${place} (${forms.join(", ")})`);
        if (found.length > 0) throw new Error(`A secret was seen in ${found.join("; ")}.`);
      } finally {
        for (const each of disposables.reverse()) await each[Symbol.asyncDispose]();
        await account.close();
      }
    },
  };
  return world;
}

/** The account as a deployment sees it, where functions end earlier than the blueprint says. */
function withTimeouts(account: Account, timeoutsMs: WorldOptions["timeoutsMs"] = {}): Account {
  const define: Account["lambda"]["define"] = (fn) =>
    account.lambda.define({ ...fn, timeoutMs: timeoutsMs[fn.name as FunctionName] ?? fn.timeoutMs });
  return { ...account, lambda: { ...account.lambda, define } };
}

/** The account as a deployment sees it that changes only what is another one: a function that is defined again is cold. */
function withoutRepetition(account: Account): Account {
  const defined = new Map<string, string>();
  const define: Account["lambda"]["define"] = (fn) => {
    const definition = JSON.stringify(fn);
    const known = defined.get(fn.name) === definition;
    defined.set(fn.name, definition);
    return known
      ? `arn:aws:lambda:${account.region}:${account.accountId}:function:${fn.name}`
      : account.lambda.define(fn);
  };
  return { ...account, lambda: { ...account.lambda, define } };
}

/** The account as a deployment sees it, where executions still run on the definition of another release. */
function withDefinition(account: Account, definition: string | undefined): Account {
  const { operations } = account.states;
  const CreateStateMachine = (input: object) =>
    operations["CreateStateMachine"]?.({ ...input, ...(definition === undefined ? {} : { definition }) });
  return { ...account, states: { ...account.states, operations: { ...operations, CreateStateMachine } } };
}

function withDefaults(environment: WorldOptions["environment"]): Record<string, Record<string, string>> {
  const defaults: Partial<Record<FunctionName, Record<string, string>>> = {
    gate: { GATE_FIRST_PAUSE_MS: "20", TARGET_TIMEOUT_MS: "2000" },
    rotate: { TARGET_TIMEOUT_MS: "2000" },
    "roll-back": { CONFIRM_PAUSE_MS: "50", TARGET_TIMEOUT_MS: "2000" },
  };
  const names = Object.keys({ ...defaults, ...environment }) as FunctionName[];
  return Object.fromEntries(names.map((name) => [name, { ...defaults[name], ...environment?.[name] }]));
}

/** The id of the function that rotates secrets with this policy in native mode. */
export function gateOf(policy: Pick<PolicyInput, "strategy">): FunctionId {
  return `gate${functionSuffix(policy)}` as FunctionId;
}

/** Makes the secret of an administrator who reaches the database there. Returns its ARN. */
export async function addAdministrator(
  client: SecretsManagerClient,
  database: TestDatabase,
  proxy: Pick<DatabaseProxy, "host" | "port">,
): Promise<string> {
  const { username, password } = database.admin;
  const value = {
    engine: "postgres",
    host: proxy.host,
    port: proxy.port,
    dbname: "postgres",
    ssl: false,
    username,
    password,
  };
  const created = await client.send(
    new CreateSecretCommand({ Name: uniqueName("test/admin"), SecretString: JSON.stringify(value) }),
  );
  return created.ARN ?? "";
}

/** What somebody else does who rotates a secret: a new password at the database. Returns the new value. */
export async function rotateAsOwner(database: TestDatabase, current: string): Promise<string> {
  const login = JSON.parse(current) as { username: string };
  const password = `owner-${randomUUID()}`;
  await database.setPassword(login.username, password);
  return JSON.stringify({ ...login, password });
}

async function readLogin(client: SecretsManagerClient, secret: TestSecret, versionId: string) {
  const read = await client.send(new GetSecretValueCommand({ SecretId: secret.arn, VersionId: versionId }));
  return JSON.parse(read.SecretString ?? "{}") as { username: string; password: string };
}

async function readHistory(sfn: SFNClient, executionArn: string): Promise<readonly HistoryEvent[]> {
  const events: HistoryEvent[] = [];
  let nextToken: string | undefined;
  do {
    const page = await sfn.send(
      new GetExecutionHistoryCommand({ executionArn, nextToken, maxResults: 1000, includeExecutionData: true }),
    );
    events.push(...(page.events ?? []));
    nextToken = page.nextToken;
  } while (nextToken !== undefined);
  return events;
}
