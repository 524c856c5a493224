import { setTimeout as sleep } from "node:timers/promises";
import { SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { z } from "zod";
import { codeOf, isRefused, signInOnce } from "./service-database.ts";
import { listen, type Reply } from "./service-http.ts";
import { readSecret } from "./service-secret.ts";
import { takeIntoUse } from "./service-use.ts";

/**
 * A small service that uses a secret, as a process of its own: `node --import tsx local/demo/service.ts`. It is configured by
 * environment variables, reads the secret itself, and works on its database all the time. What it answers:
 *
 * - `GET /health`: 200 or 503 with {status, versionId, authenticatedAt}; the version is that of its newest authentication.
 * - `POST /refresh`: goes over to AWSCURRENT; 202 with {versionId} once that has authenticated, else 503.
 * - `POST /probe` {versionId}: signs in with that version beside its work; 200 with {versionId}, 422 when the database
 *   refuses it, 425 when the version cannot be read yet, else 503.
 * - `POST /fault` {refresh: status or null}: from now on refreshes are answered so, or normally.
 *
 * It writes {"port"} to standard output once it has signed in and listens, and events without secrets to standard error. It
 * ends with SIGTERM and SIGINT, and when standard input or the IPC channel closes: with its parent, that is.
 */
const environment = z
  .object({
    SERVICE_NAME: z.string().regex(/^[\w.-]{1,57}$/, "1 to 57 characters of A-Z a-z 0-9 _ . -"),
    SECRET_ID: z.string().min(1),
    SERVICE_PORT: z.coerce.number().int().min(0).max(65_535).default(0),
    SERVICE_MODE: z.enum(["reload", "cache"]).default("reload"),
  })
  .parse(process.env);

const WORK_PAUSE_MS = 250;
const END_MS = 800;

const probeRequest = z.looseObject({ versionId: z.string().min(1) });
const faultRequest = z.strictObject({ refresh: z.int().min(400).max(599).nullable() });

const { SERVICE_NAME: name, SECRET_ID: secretId } = environment;
const ending = endWithParent();
const client = new SecretsManagerClient({
  requestHandler: { connectionTimeout: 1000, requestTimeout: 3000, throwOnRequestTimeout: true },
});
const credential = await takeIntoUse({
  application: name,
  mode: environment.SERVICE_MODE,
  readCurrent: () => readSecret(client, secretId),
  log,
}).catch((error: unknown) => {
  log("cannot sign in", { code: codeOf(error) });
  process.exit(1);
});

let refreshFault: number | null = null;
const server = await listen(
  {
    "GET /health": () => {
      const { working, ...version } = credential.health();
      return { status: working ? 200 : 503, body: { status: working ? "ok" : "failing", ...version } };
    },
    "POST /refresh": refresh,
    "POST /probe": probe,
    "POST /fault": (body) => {
      const parsed = faultRequest.safeParse(body);
      if (!parsed.success) return { status: 400 };
      refreshFault = parsed.data.refresh;
      return { status: 204 };
    },
  },
  environment.SERVICE_PORT,
);
process.stdout.write(`${JSON.stringify({ port: server.port })}\n`);

while (!ending.aborted) {
  await credential.work();
  await sleep(WORK_PAUSE_MS, undefined, { signal: ending }).catch(() => {});
}
server.close();
await credential.close();
process.exit(0);

async function refresh(): Promise<Reply> {
  if (refreshFault !== null) return { status: refreshFault };
  try {
    return { status: 202, body: { versionId: await credential.reload() } };
  } catch (error) {
    log("refresh failed", { code: codeOf(error) });
    return { status: 503 };
  }
}

/** Only versions of its own secret: what else the caller may name is nothing that it would read for somebody. */
async function probe(body: unknown): Promise<Reply> {
  const parsed = probeRequest.safeParse(body);
  if (!parsed.success) return { status: 400 };
  const { versionId } = parsed.data;
  try {
    const version = await readSecret(client, secretId, versionId);
    await signInOnce(version, `${name}-probe`);
    return { status: 200, body: { versionId: version.versionId } };
  } catch (error) {
    log("probe failed", { versionId, code: codeOf(error) });
    if (isRefused(error)) return { status: 422 };
    return { status: codeOf(error) === "ResourceNotFoundException" ? 425 : 503 };
  }
}

/** The process has END_MS to end in good order, in milliseconds. */
function endWithParent(): AbortSignal {
  const controller = new AbortController();
  const end = () => {
    setTimeout(() => process.exit(0), END_MS).unref();
    controller.abort();
  };
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.once(signal, end);
  }
  if (process.connected) {
    process.once("disconnect", end);
  } else {
    process.stdin.once("end", end).once("error", end).resume();
  }
  return controller.signal;
}

function log(event: string, facts: Readonly<Record<string, string>>): void {
  process.stderr.write(`${JSON.stringify({ service: name, event, ...facts })}\n`);
}
