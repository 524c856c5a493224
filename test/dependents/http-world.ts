import { randomBytes } from "node:crypto";
import type { ServerResponse } from "node:http";
import type { Character, DependentWorld, Subject } from "../contracts/dependent.ts";
import { connectAs, uniqueName } from "../support/database.ts";
import { startService } from "../support/services.ts";
import { type Answer, startDouble } from "./http-double.ts";
import { type SecretStore, startSecretStore } from "./secret-store.ts";

/** Services that are asked over HTTP: the honest one is the demo's, a process of its own; the others are made for the exam. */
export async function startHttpWorld(): Promise<DependentWorld> {
  const store = await startSecretStore();
  const started: AsyncDisposable[] = [store];
  const canary = `canary-${randomBytes(6).toString("hex")}`;

  async function double(answer: Answer, timeoutSeconds = 1, application = uniqueName("service")): Promise<Subject> {
    const { url, requests, ...server } = await startDouble(answer);
    started.push(server);
    return {
      target: targetOf(url, canary, timeoutSeconds),
      application,
      strayed: () => requests.filter((request) => request.includes("/elsewhere")).length,
    };
  }

  const start: Record<Character, (timeoutSeconds: number) => Promise<Subject>> = {
    honest: async (timeoutSeconds) => {
      const application = uniqueName("honest");
      const { secretArn: secretId } = store.base;
      const { environment } = store;
      const service = await startService({ name: application, secretId, mode: "cache", environment });
      started.push(service);
      return { target: targetOf(service.url, canary, timeoutSeconds), application };
    },
    failing: (timeoutSeconds) =>
      double(({ method }, response) => {
        say(response, method === "GET" ? 503 : 202, { canary, ...idOf(store) });
      }, timeoutSeconds),
    refusing: (timeoutSeconds) =>
      double((_, response) => say(response, 422, { canary, ...idOf(store) }), timeoutSeconds),
    silent: (timeoutSeconds) => double(() => {}, timeoutSeconds),
    liar: async (timeoutSeconds) => {
      const application = uniqueName("liar");
      const { username, password, host, port } = store.base.credential;
      const old = await connectAs({ username, password, host, port: Number(port) }, application);
      started.push({ [Symbol.asyncDispose]: () => old.end() });
      let claimed = store.base.versionId;
      return double(
        ({ method }, response, text) => {
          if (method === "POST") claimed = (JSON.parse(text) as { versionId: string }).versionId;
          say(response, 200, { canary, versionId: claimed });
        },
        timeoutSeconds,
        application,
      );
    },
  };

  return {
    base: store.base,
    candidate: store.candidate,
    canary,
    start: (character, timeoutSeconds) => start[character](timeoutSeconds),
    hazards: async () => ({
      "a redirect to an answer that would do": await double(({ url }, response) =>
        url?.startsWith("/elsewhere")
          ? say(response, 200, idOf(store))
          : response.writeHead(307, { location: `/elsewhere?${canary}`, "x-canary": canary }).end(),
      ),
      "a redirect to instance metadata": await double((_, response) =>
        response.writeHead(302, { location: `http://169.254.169.254/latest/meta-data/?${canary}` }).end(),
      ),
      "a body without end": await double((_, response) => {
        response.writeHead(200, { "content-type": "application/json", "rotation-version-id": idOf(store).versionId });
        pour(response, canary);
      }),
      "a body that stops half-way": await double((_, response) => {
        response.writeHead(200, { "content-length": 1000 });
        response.write(JSON.stringify({ canary, ...idOf(store) }));
      }),
      "a connection that breaks": await double((_, response) => response.destroy()),
      "an upgrade": await double((_, response) =>
        response.writeHead(101, { connection: "upgrade", upgrade: canary }).end(),
      ),
      "another id in the header than in the body": await double((_, response) => {
        response.setHeader("rotation-version-id", idOf(store).versionId);
        say(response, 200, { versionId: canary });
      }),
      "no id yet": await double((_, response) => say(response, 200, { canary, versionId: null })),
      "an id that is no text": await double((_, response) => say(response, 200, { versionId: { canary } })),
      "a secret in the id's place": await double((_, response) => say(response, 200, { versionId: canary })),
    }),
    set: store.set,
    promote: store.promote,
    restore: store.restore,
    sessions: store.sessions,
    [Symbol.asyncDispose]: async () => {
      for (const each of started.reverse()) {
        await each[Symbol.asyncDispose]();
      }
    },
  };
}

function targetOf(url: string, canary: string, timeoutSeconds: number) {
  const query = `?token=${canary}`;
  return {
    refresh: `${url}/refresh${query}`,
    verify: `${url}/health${query}`,
    probe: `${url}/probe${query}`,
    timeoutSeconds,
  };
}

function idOf({ candidate }: SecretStore) {
  return { versionId: candidate.versionId };
}

function say(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}

function pour(response: ServerResponse, canary: string): void {
  const more = () => {
    if (response.destroyed) return;
    if (response.write(canary.repeat(1000))) setImmediate(more);
    else response.once("drain", more);
  };
  more();
}
