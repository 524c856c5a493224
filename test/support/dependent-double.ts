import type { SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { type Limits, signInOnce } from "../../local/demo/service-database.ts";
import { listen } from "../../local/demo/service-http.ts";
import { readSecret } from "../../local/demo/service-secret.ts";
import { type CredentialInUse, takeIntoUse } from "../../local/demo/service-use.ts";

/** What a dependent can be told to do wrong, until told otherwise. */
export interface Faults {
  /** Answers refreshes with this status, and does not refresh. */
  refresh?: number;
  /** Answers every look at its health with this status. */
  health?: number;
  /** Answers probes with this status. */
  probe?: number;
  /** Says that it uses the newest version it was asked to take, over its old pool. */
  lie?: boolean;
  /** Names no version at all. */
  silent?: boolean;
}

export interface DependentDouble extends AsyncDisposable {
  readonly name: string;
  readonly url: string;
  readonly faults: Faults;
  /** The version of its newest authentication. */
  versionId(): string;
  /** How often it was asked what. */
  readonly asked: { refresh: number; verify: number; probe: number };
}

/** Its sessions last until it is asked to go over, and a slow machine is no fault: rotations here are in virtual time. */
export const LIMITS: Limits = { connectionSeconds: 0, patienceMs: 25_000 };

/** The demo's service in this process, with a real pool and with faults. It works only when it is asked something. */
export async function startDependent(
  name: string,
  secretId: string,
  client: SecretsManagerClient,
  mode: "reload" | "cache" = "reload",
): Promise<DependentDouble> {
  const faults: Faults = {};
  const asked = { refresh: 0, verify: 0, probe: 0 };
  const use: CredentialInUse = await takeIntoUse({
    application: name,
    mode,
    readCurrent: () => readSecret(client, secretId),
    log: () => {},
    limits: LIMITS,
  });
  let told = "";
  const server = await listen(
    {
      "GET /health": async () => {
        asked.verify += 1;
        if (faults.health !== undefined) return { status: faults.health };
        if (faults.silent) return { status: 200, body: { status: "ok" } };
        if (faults.lie && told !== "") return { status: 200, body: { versionId: told } };
        await use.work();
        const { working, versionId } = use.health();
        return { status: working ? 200 : 503, body: { versionId } };
      },
      "POST /refresh": async (body) => {
        asked.refresh += 1;
        if (faults.refresh !== undefined) return { status: faults.refresh };
        told = (body as { versionId: string }).versionId;
        if (faults.lie) return { status: 202 };
        return { status: 202, body: { versionId: await use.reload() } };
      },
      "POST /probe": async (body) => {
        asked.probe += 1;
        if (faults.probe !== undefined) return { status: faults.probe };
        const version = await readSecret(client, secretId, (body as { versionId: string }).versionId);
        await signInOnce(version, `${name}-probe`, LIMITS);
        return { status: 200, body: { versionId: version.versionId } };
      },
    },
    0,
  );
  return {
    name,
    url: `http://127.0.0.1:${server.port}`,
    faults,
    asked,
    versionId: () => use.health().versionId,
    [Symbol.asyncDispose]: async () => {
      server.close();
      await use.close();
    },
  };
}
