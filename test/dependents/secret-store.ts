import { randomBytes, randomUUID } from "node:crypto";
import {
  PutSecretValueCommand,
  SecretsManagerClient,
  UpdateSecretVersionStageCommand,
} from "@aws-sdk/client-secrets-manager";
import type { SecretChange } from "../../core/dependents/dependent.ts";
import type { PostgresCredential } from "../../core/strategies/postgres-credential.ts";
import { postgresSingleUser } from "../../core/strategies/postgres-single-user.ts";
import type { RotationContext, Session } from "../../core/strategies/strategy.ts";
import { RealClock } from "../../local/clock.ts";
import { createSecretsManager } from "../../local/services/secretsmanager.ts";

import { startWire } from "../../local/wire.ts";
import { createCalls } from "../../local/wire-calls.ts";
import { uniqueName, useDatabase } from "../support/database.ts";

const PLACE = { region: "eu-central-1", accountId: "111122223333" };

/** A secret in Secrets Manager with a candidate that is AWSPENDING, and its user in the PostgreSQL of the run. */
export interface SecretStore extends AsyncDisposable {
  readonly base: SecretChange & { readonly credential: PostgresCredential };
  readonly candidate: SecretChange & { readonly credential: PostgresCredential };
  /** What a client process needs. */
  readonly environment: Readonly<Record<string, string>>;
  /** Makes the database accept the candidate instead of the base. */
  set(): Promise<void>;
  /** Moves AWSCURRENT to the candidate. Returns when. */
  promote(): Promise<Date>;
  /** Both back again. Returns when. */
  restore(): Promise<Date>;
  sessions(): Promise<readonly Session[]>;
}

export async function startSecretStore(): Promise<SecretStore> {
  const database = useDatabase();
  const username = uniqueName("orders");
  const name = `orders/${username}`;
  const credential = (): PostgresCredential => ({
    engine: "postgres",
    host: database.host,
    port: database.port,
    dbname: "postgres",
    username,
    password: randomBytes(18).toString("base64url"),
  });
  const [old, next] = [credential(), credential()];
  await database.createRole(username, old.password);

  const secretsManager = createSecretsManager({
    ...PLACE,
    clock: new RealClock(),
    emit: () => {},
    invoke: () => Promise.reject(new Error("no function is deployed here")),
  });
  const wire = await startWire({
    port: 0,
    services: [secretsManager],
    calls: createCalls(),
    functionOf: () => undefined,
  });
  const environment = {
    AWS_ENDPOINT_URL: wire.endpoint,
    AWS_REGION: PLACE.region,
    AWS_ACCESS_KEY_ID: "AKIATEST",
    AWS_SECRET_ACCESS_KEY: "test",
    AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: "true",
  };
  const client = new SecretsManagerClient({
    endpoint: wire.endpoint,
    region: PLACE.region,
    credentials: { accessKeyId: "AKIATEST", secretAccessKey: "test" },
  });
  const { ARN: secretArn, VersionId: baseId } = secretsManager.seed({ Name: name, SecretString: JSON.stringify(old) });
  const candidateId = randomUUID();
  await client.send(
    new PutSecretValueCommand({
      SecretId: secretArn,
      ClientRequestToken: candidateId,
      SecretString: JSON.stringify(next),
      VersionStages: ["AWSPENDING"],
    }),
  );
  const versions = { base: old, candidate: next };
  const context: RotationContext = {
    secretArn,
    versionId: candidateId,
    readSecret: () => Promise.reject(new Error("there is no other secret")),
    timeoutMs: 5000,
    signal: new AbortController().signal,
  };
  let live = old;

  async function moveCurrent(from: string, to: string): Promise<Date> {
    await client.send(
      new UpdateSecretVersionStageCommand({
        SecretId: secretArn,
        VersionStage: "AWSCURRENT",
        RemoveFromVersionId: from,
        MoveToVersionId: to,
      }),
    );
    return new Date();
  }

  return {
    base: { secretArn, secretName: name, versionId: baseId, credential: old },
    candidate: { secretArn, secretName: name, versionId: candidateId, credential: next },
    environment,
    set: async () => {
      await postgresSingleUser.setSecret(versions, context);
      live = next;
    },
    promote: () => moveCurrent(baseId, candidateId),
    restore: async () => {
      await postgresSingleUser.rollbackSecret(versions, context);
      live = old;
      return await moveCurrent(candidateId, baseId);
    },
    sessions: async () => (await postgresSingleUser.sessions?.(live, context)) ?? [],
    [Symbol.asyncDispose]: async () => {
      client.destroy();
      secretsManager.stop();
      await wire.close();
    },
  };
}
