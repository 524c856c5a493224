import { randomBytes, randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
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
import { type Call, createCalls } from "../../local/wire-calls.ts";
import { uniqueName, useDatabase } from "../support/database.ts";

/** A session's beginning is reckoned earlier by as long as the question took: whoever signs in afterwards is later all the same. */
const MARGIN_MS = 50;
/** Which there is not: what its user could do, the store does itself. */
const ADMINISTRATOR = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:orders/admin-GhIjKl";
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
  /** Every call of Secrets Manager so far. */
  calls(): readonly Call[];
}

/** @param user of the candidate: the base's own, or a second one, which `set` makes */
export async function startSecretStore({ user = "same" }: { user?: "same" | "clone" } = {}): Promise<SecretStore> {
  const database = useDatabase();
  const username = uniqueName("orders");
  const name = `orders/${username}`;
  const credential = (): PostgresCredential => ({
    engine: "postgres",
    ...(user === "clone" ? { masterarn: ADMINISTRATOR } : {}),
    host: database.host,
    port: database.port,
    dbname: "postgres",
    username,
    password: randomBytes(18).toString("base64url"),
  });
  const old = credential();
  const next = { ...credential(), username: user === "same" ? username : `${username}_clone` };
  await database.createRole(username, old.password);

  const secretsManager = createSecretsManager({
    ...PLACE,
    clock: new RealClock(),
    emit: () => {},
    invoke: () => Promise.reject(new Error("no function is deployed here")),
  });
  const calls = createCalls();
  const wire = await startWire({
    port: 0,
    services: [secretsManager],
    calls,
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
    policy: { openSessions: "report" },
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
    const at = new Date();
    await sleep(MARGIN_MS);
    return at;
  }

  return {
    base: { secretArn, secretName: name, versionId: baseId, credential: old },
    candidate: { secretArn, secretName: name, versionId: candidateId, credential: next },
    environment,
    set: async () => {
      if (user === "same") await postgresSingleUser.setSecret(versions, context);
      else await database.createRole(next.username, next.password);
      live = next;
    },
    promote: () => moveCurrent(baseId, candidateId),
    restore: async () => {
      await postgresSingleUser.rollbackSecret(versions, context);
      live = old;
      return await moveCurrent(candidateId, baseId);
    },
    sessions: async () => (await postgresSingleUser.sessions?.(live, context)) ?? [],
    calls: calls.recorded,
    [Symbol.asyncDispose]: async () => {
      client.destroy();
      secretsManager.stop();
      await wire.close();
    },
  };
}
