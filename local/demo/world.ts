import { randomBytes } from "node:crypto";
import { CreateSecretCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { SFNClient } from "@aws-sdk/client-sfn";
import type { PolicyInput } from "../../core/policies.ts";
import { type Account, startAccount } from "../account.ts";
import { type Database, startDatabase } from "../database.ts";
import { bundleProject, type Deployment, deploy } from "../deploy.ts";
import { Cleanup } from "./cleanup.ts";
import { type Dependent, startDependent } from "./dependent.ts";

export const ORDERS = "demo/orders-db";
export const REPORTS = "demo/reports-db";
/** The dependent that breaks. */
export const BILLING = "billing-worker";
const ADMIN = "demo/database-admin";

/** Everything the demo runs on. Disposing it ends all processes and removes all files. */
export interface World extends AsyncDisposable {
  readonly account: Account;
  readonly database: Database;
  readonly deployment: Deployment;
  readonly secretsManager: SecretsManagerClient;
  readonly stepFunctions: SFNClient;
  readonly dependents: readonly Dependent[];
}

export interface WorldOptions {
  /** The account's port. Default: any free one. */
  readonly port?: number;
  /** Aborted: what is being started is given up. */
  readonly signal: AbortSignal;
}

/**
 * Boots an account and a PostgreSQL, creates roles and secrets, starts three services that use them, and deploys.
 * @throws Error with one sentence to act on; whatever was started has ended then
 */
export async function startWorld(options: WorldOptions): Promise<World> {
  const cleanup = new Cleanup();
  try {
    return await start(options, cleanup);
  } catch (error) {
    await cleanup[Symbol.asyncDispose]();
    throw error;
  }
}

async function start({ port, signal }: WorldOptions, cleanup: Cleanup): Promise<World> {
  const own = <T extends AsyncDisposable>(disposable: T): T => {
    cleanup.add(disposable);
    signal.throwIfAborted();
    return disposable;
  };
  // Ends last: what is bundled lies in its directory, the one that is removed however this process ends.
  const database = own(await startDatabase());
  const account = own(await startAccount(port === undefined ? {} : { port }));
  const configuration = clientConfiguration(account);
  const secretsManager = new SecretsManagerClient(configuration);
  const stepFunctions = new SFNClient(configuration);
  await createSecrets(database, secretsManager);

  const { environment } = account;
  const run = (name: string, secretId: string, mode: "reload" | "cache") =>
    startDependent({ name, secretId, mode, environment }).then(own);
  const dependents = [
    run("orders-api", ORDERS, "reload"),
    run(BILLING, ORDERS, "cache"),
    run("reports-api", REPORTS, "reload"),
  ];
  // What is still starting when one fails is waited for, so that nothing is left behind.
  const bundles = bundleProject(database.directory);
  await Promise.allSettled([...dependents, bundles]);
  const running = await Promise.all(dependents);
  const deployment = await deploy(account, {
    config: policiesFor(running),
    bundles: await bundles,
  });
  signal.throwIfAborted();
  return {
    account,
    database,
    deployment,
    secretsManager,
    stepFunctions,
    dependents: running,
    [Symbol.asyncDispose]: () => cleanup[Symbol.asyncDispose](),
  };
}

/** Of clients in this process. */
export function clientConfiguration({ endpoint, region, environment }: Account) {
  const { AWS_ACCESS_KEY_ID: accessKeyId = "", AWS_SECRET_ACCESS_KEY: secretAccessKey = "" } = environment;
  return { endpoint, region, credentials: { accessKeyId, secretAccessKey } };
}

async function createSecrets(database: Database, client: SecretsManagerClient): Promise<void> {
  const { host, port, admin } = database;
  const create = async (Name: string, credential: Readonly<Record<string, unknown>>) => {
    const value = { engine: "postgres", host, port, dbname: "postgres", ssl: false, ...credential };
    const created = await client.send(new CreateSecretCommand({ Name, SecretString: JSON.stringify(value) }));
    return created.ARN ?? "";
  };
  const addRole = async (username: string) => {
    const password = randomBytes(24).toString("base64url");
    await database.createRole(username, password);
    return { username, password };
  };
  await create(ORDERS, await addRole("orders"));
  const masterarn = await create(ADMIN, { username: admin.username, password: admin.password });
  await create(REPORTS, { ...(await addRole("reports")), masterarn });
}

function policiesFor(dependents: readonly Dependent[]): readonly PolicyInput[] {
  const policy = (secretId: string, strategy: string): PolicyInput => ({
    secretId,
    strategy,
    ...(strategy === "postgres-alternating-users" ? { administratorSecretId: ADMIN } : {}),
    mode: "native",
    owner: "demo",
    verify: { intervalSeconds: 1, deadlineSeconds: 30 },
    retryAfterRollbackSeconds: 0,
    dependents: dependents
      .filter((each) => each.secretId === secretId)
      .map(({ name, url }) => ({
        name,
        kind: "http-endpoint",
        application: name,
        target: { refresh: `${url}/refresh`, verify: `${url}/health`, probe: `${url}/probe` },
      })),
  });
  return [policy(ORDERS, "postgres-single-user"), policy(REPORTS, "postgres-alternating-users")];
}
