import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { uniqueName } from "../support/database.ts";
import { type RunningService, startService } from "../support/services.ts";
import { type SecretStore, startSecretStore } from "./secret-store.ts";

describe("the service", () => {
  test("signs in before it says that it is there, and its database knows it by its name", async () => {
    await using world = await startWorld("cache");
    const { service, name, store } = world;

    const health = await service.health();

    expect(health).toMatchObject({ statusCode: 200, status: "ok", versionId: store.base.versionId });
    expect(await sessionsOf(store, name)).toHaveLength(1);
    expect(new Date(health.authenticatedAt).getTime()).toBeGreaterThan(Date.now() - 20_000);
  });

  test("goes over to AWSCURRENT when it is refreshed, and has closed its old connections then", async () => {
    await using world = await startWorld("cache");
    const { service, name, store } = world;
    await store.set();
    const promotedAt = await store.promote();

    const reply = await post(service, "/refresh");

    expect(reply).toEqual({ status: 202, body: { versionId: store.candidate.versionId } });
    expect(await service.health()).toMatchObject({ status: "ok", versionId: store.candidate.versionId });
    await vi.waitFor(async () => {
      const sessions = await sessionsOf(store, name);
      expect(sessions.length).toBeGreaterThan(0);
      expect(sessions.every(({ begunAt }) => begunAt >= promotedAt)).toBe(true);
    });
  });

  test("never names a version that has not authenticated: a refresh that cannot sign in changes nothing", async () => {
    await using world = await startWorld("cache");
    const { service, store } = world;
    await store.promote();

    expect(await post(service, "/refresh")).toEqual({ status: 503 });
    expect(await service.health()).toMatchObject({ status: "ok", versionId: store.base.versionId });
  });

  test("answers refreshes as it is told, until it is told otherwise", async () => {
    await using world = await startWorld("cache");
    const { service, store } = world;
    await store.set();
    await store.promote();

    await service.setFault(422);
    expect(await post(service, "/refresh")).toEqual({ status: 422 });
    expect((await service.health()).versionId).toBe(store.base.versionId);

    await service.setFault(null);
    expect((await post(service, "/refresh")).status).toBe(202);
  });

  test("probes a version of its own secret only, whatever it is asked for", async () => {
    await using world = await startWorld("cache");
    const { service, store } = world;
    const { versionId } = store.candidate;
    const other = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:other-AbCdEf";

    expect(await post(service, "/probe", { versionId })).toEqual({ status: 422 });
    await store.set();
    expect(await post(service, "/probe", { versionId, secretId: other })).toEqual({ status: 200, body: { versionId } });
    expect(await post(service, "/probe", { versionId: "00000000-0000-4000-8000-000000000000" })).toEqual({
      status: 425,
    });
    expect(await post(service, "/probe", {})).toEqual({ status: 400 });
  });

  test("keeps the password out of its output, its arguments and its environment", async () => {
    await using world = await startWorld("reload");
    const { service, store } = world;
    await post(service, "/probe", { versionId: store.candidate.versionId });
    await store.set();
    await post(service, "/refresh");
    await store.promote();
    await post(service, "/refresh");

    expect(service.output()).toContain("authenticated");
    const places = [service.output(), await ofProcess(service, "cmdline"), await ofProcess(service, "environ")];
    for (const { credential } of [store.base, store.candidate]) {
      for (const place of places) expect(place).not.toContain(credential.password);
    }
  });
});

describe("the service's connections live for seconds", () => {
  let store: SecretStore;
  let reload: RunningService;
  let cache: RunningService;

  beforeAll(async () => {
    store = await startSecretStore();
    [reload, cache] = await Promise.all([start(store, "reload"), start(store, "cache")]);
  });
  afterAll(async () => {
    await Promise.all([reload, cache].map((service) => service[Symbol.asyncDispose]()));
    await store[Symbol.asyncDispose]();
  });

  test("so one that reloads finds the new version by itself, and one that caches fails until it is refreshed", async () => {
    await store.set();
    await store.promote();

    const deadline = { timeout: 15_000, interval: 100 };
    await vi.waitFor(async () => expect((await cache.health()).statusCode).toBe(503), deadline);
    await vi.waitFor(
      async () => expect(await reload.health()).toMatchObject({ status: "ok", versionId: store.candidate.versionId }),
      deadline,
    );
    expect(await cache.health()).toMatchObject({ status: "failing", versionId: store.base.versionId });

    await post(cache, "/refresh");

    expect(await cache.health()).toMatchObject({ status: "ok", versionId: store.candidate.versionId });
  });
});

describe("the service ends", () => {
  test("with a code and no port when it cannot sign in", async () => {
    await using store = await startSecretStore();
    await store.promote();

    await expect(start(store, "cache")).rejects.toThrow(/it ended with code 1.*"code":"28P01"/s);
  });

  test("within a second of SIGTERM, and its connections with it", async () => {
    await using world = await startWorld("cache");
    const begun = performance.now();

    await world.service[Symbol.asyncDispose]();

    expect(performance.now() - begun).toBeLessThan(2500);
    await vi.waitFor(async () => expect(await sessionsOf(world.store, world.name)).toEqual([]));
  });

  test("when its parent is killed", async () => {
    await using store = await startSecretStore();
    const parent = spawn(process.execPath, ["-e", PARENT], {
      env: { ...store.environment, SERVICE_NAME: uniqueName("orphan"), SECRET_ID: store.base.secretArn },
      stdio: ["ignore", "pipe", "pipe"],
    });
    await once(parent.stdout, "data");
    // Both hold the writing end of this pipe, so it ends with the later of them.
    const ended = once(parent.stderr.resume(), "end");
    const killed = performance.now();

    parent.kill("SIGKILL");
    await ended;

    expect(performance.now() - killed).toBeLessThan(2500);
  });
});

/** Starts the service, and hands it its own standard error; writes once the service has named its port. */
const PARENT = `
  const child = require("node:child_process").spawn(
    process.execPath,
    ["--import", ${JSON.stringify(import.meta.resolve("tsx"))}, ${JSON.stringify(fileURLToPath(new URL("../../local/demo/service.ts", import.meta.url)))}],
    { stdio: ["pipe", "pipe", "inherit"] },
  );
  child.stdout.once("data", () => console.log("ready"));
`;

async function startWorld(mode: "reload" | "cache") {
  const store = await startSecretStore();
  const name = uniqueName("orders-api");
  const service = await start(store, mode, name);
  return {
    store,
    name,
    service,
    [Symbol.asyncDispose]: async () => {
      await service[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
    },
  };
}

function start({ base, environment }: SecretStore, mode: "reload" | "cache", name = uniqueName("service")) {
  return startService({ name, secretId: base.secretArn, mode, environment });
}

async function sessionsOf(store: SecretStore, name: string) {
  return (await store.sessions()).filter(({ application }) => application === name);
}

async function post(
  { url }: RunningService,
  path: string,
  body?: unknown,
): Promise<{ status: number; body?: unknown }> {
  const response = await fetch(`${url}${path}`, {
    method: "POST",
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, ...(text === "" ? {} : { body: JSON.parse(text) }) };
}

/** "" where the system has no /proc. */
function ofProcess({ pid }: RunningService, file: "cmdline" | "environ"): Promise<string> {
  return readFile(`/proc/${pid}/${file}`, "utf8").catch(() => "");
}
