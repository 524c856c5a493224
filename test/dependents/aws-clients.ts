import { SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { signInOnce } from "../../local/demo/service-database.ts";
import { readSecret } from "../../local/demo/service-secret.ts";
import { type CredentialInUse, takeIntoUse } from "../../local/demo/service-use.ts";
import { connectAs } from "../support/database.ts";
import { LIMITS } from "../support/dependent-double.ts";
import type { SecretStore } from "./secret-store.ts";

/** Those who use a store's secret in this process, as the demo's service does. */
export interface StoreClient extends Disposable {
  /** Reads AWSCURRENT and signs in; keeps to that version. */
  takeIntoUse(application: string): Promise<CredentialInUse>;
  /** Signs in with a version, and leaves. */
  signInOnce(versionId: string, application: string): Promise<void>;
  /** A connection of the base that stays open whatever happens. Returns what ends it. */
  holdBase(application: string): Promise<() => Promise<void>>;
}

export function startClient({ base, environment }: SecretStore): StoreClient {
  const client = new SecretsManagerClient({
    endpoint: environment["AWS_ENDPOINT_URL"],
    region: environment["AWS_REGION"],
    credentials: { accessKeyId: "AKIATEST", secretAccessKey: "test" },
  });
  return {
    takeIntoUse: (application) =>
      takeIntoUse({
        application,
        mode: "cache",
        readCurrent: () => readSecret(client, base.secretArn),
        log: () => {},
        limits: LIMITS,
      }),
    signInOnce: async (versionId, application) =>
      signInOnce(await readSecret(client, base.secretArn, versionId), application, LIMITS),
    holdBase: async (application) => {
      const { username, password, host, port } = base.credential;
      const held = await connectAs({ username, password, host, port: Number(port) }, application);
      return () => held.end();
    },
    [Symbol.dispose]: () => client.destroy(),
  };
}
