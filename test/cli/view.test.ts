import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { rotateOnce, type Situation, situation } from "../support/situation.ts";
import { startWorld, type World } from "../support/world.ts";
import { rotor, type Started, start } from "./rotor.ts";

const ADDRESS = /^(http:\/\/127\.0\.0\.1:(\d+)\/([\w-]{43}))\/$/m;

let world: World;
let secret: Situation;
let directory: string;
const running: Started[] = [];
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "view-"));
  world = await startWorld();
  secret = await situation(world);
  await rotateOnce(world, secret);
});
afterAll(async () => {
  await world?.[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});
afterEach(async () => {
  for (const each of running) each.interrupt();
  await Promise.all(running.splice(0).map(({ ended }) => ended));
});

/** The program, once it has said what there is to know. */
async function serving(env: Readonly<Record<string, string>>, ...args: readonly string[]): Promise<Started> {
  const view = start(["view", ...args], { ...world.account.environment, ...env });
  running.push(view);
  await expect.poll(view.stderr, { timeout: 30_000 }).toContain("Ctrl-C ends it.");
  return view;
}

describe("view", () => {
  test("prints its address alone as the result, says who one is, and serves until Ctrl-C", async () => {
    const view = await serving({});
    expect(view.stdout()).toMatch(ADDRESS);
    expect(view.stdout().trim().split("\n")).toHaveLength(1);
    expect(view.stderr()).toMatch(/^123456789012 \(.+\) · us-east-1 · stage local\n/);
    expect((await fetch(view.stdout().trim())).status).toBe(200);
    view.interrupt();
    const { status, stderr } = await view.ended;
    expect([status, stderr]).toEqual([130, expect.stringContaining("The view has ended. What was asked for goes on.")]);
    await expect(fetch(view.stdout().trim())).rejects.toThrow();
  });

  test("of a run, or of a secret's newest, prints the address of that run's page", async () => {
    const byName = await serving({}, secret.name);
    const [, name = ""] = /\/runs\/(rot-[\w-]+)\n$/.exec(byName.stdout()) ?? [];
    expect(name).not.toBe("");
    const byRun = await serving({}, name);
    expect(byRun.stdout()).toMatch(new RegExp(`/runs/${name}\n$`));
    expect(await (await fetch(byRun.stdout().trim())).text()).toContain('<div id="root">');
  });

  test("is served for looking only where that is asked for", async () => {
    const view = await serving({}, "--read-only");
    const shown: unknown = await (
      await fetch(`${view.stdout().trim()}api/runs/${encodeURIComponent(secret.name)}`)
    ).json();
    expect(shown).toMatchObject({ run: { outcome: "SUCCEEDED" }, actions: [] });
  });

  test("of a run that is not there ends with 253, and serves nothing", async () => {
    const ended = await rotor(world.account.environment, "view", "rot-none");
    expect([ended.status, ended.stdout]).toEqual([253, ""]);
    expect(ended.stderr).toContain("There is no run rot-none");
  });

  test("prints a document, with its port", async () => {
    const view = await serving({}, "--output", "json");
    const { schema, url, port } = JSON.parse(view.stdout());
    expect(schema).toBe("rotor.view/1");
    expect(url).toMatch(new RegExp(`^http://127\\.0\\.0\\.1:${port}/[\\w-]{43}/$`));
  });

  test("serves the port that is asked for, and says so in a sentence where another has it", async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    const port = String(typeof address === "object" ? address?.port : undefined);
    const taken = await rotor(world.account.environment, "view", "--port", port);
    expect([taken.status, taken.stdout]).toEqual([253, ""]);
    expect(taken.stderr).toContain(`Port ${port} of 127.0.0.1 is in use`);
    await new Promise((resolve) => server.close(resolve));
    const view = await serving({}, "--port", port);
    expect(ADDRESS.exec(view.stdout())?.[2]).toBe(port);
  });

  test("with a token of the environment goes on where another has ended: the address is the same", async () => {
    const ROTOR_VIEW_TOKEN = "a-token_of-32-characters-or-more";
    const first = await serving({ ROTOR_VIEW_TOKEN });
    const url = first.stdout().trim();
    expect(url).toContain(`/${ROTOR_VIEW_TOKEN}/`);
    first.interrupt();
    await first.ended;
    const second = await serving({ ROTOR_VIEW_TOKEN }, "--port", new URL(url).port);
    expect(second.stdout().trim()).toBe(url);
  });

  test.each(["short", "with spaces that are long enough to be one", "../../../../../../../../../../../etc"])(
    "refuses a token that is none: %j",
    async (ROTOR_VIEW_TOKEN) => {
      const ended = await rotor({ ...world.account.environment, ROTOR_VIEW_TOKEN }, "view");
      expect([ended.status, ended.stdout]).toEqual([252, ""]);
      expect(ended.stderr).toContain("ROTOR_VIEW_TOKEN is no token: it must have at least 32 characters");
      expect(ended.stderr).not.toContain(ROTOR_VIEW_TOKEN);
    },
  );

  test("--open has the desktop open the address, and only says so where it cannot", async () => {
    const told = join(directory, "told");
    await writeFile(join(directory, "xdg-open"), `#!/bin/sh\necho "$1" > "${told}"\n`);
    await chmod(join(directory, "xdg-open"), 0o755);
    const opened = await serving({ PATH: `${directory}:/usr/bin:/bin` }, "--open");
    await expect.poll(() => readFile(told, "utf8").catch(() => ""), { timeout: 10_000 }).toBe(opened.stdout());
    const alone = await serving({ PATH: "/nowhere" }, "--open");
    expect(alone.stderr()).toContain("open the address yourself");
    expect((await fetch(alone.stdout().trim())).status).toBe(200);
  });

  test("of a file prints the address of its run's page", async () => {
    const view = await serving({});
    const url = view.stdout().trim();
    const file = join(directory, "run.json");
    await writeFile(file, await (await fetch(`${url}api/runs/${encodeURIComponent(secret.name)}?download`)).text());
    const shown = await serving({ AWS_ENDPOINT_URL: "http://127.0.0.1:9" }, "--file", file);
    expect(shown.stdout()).toMatch(/\/runs\/rot-[\w-]+\n$/);
    expect(shown.stderr()).not.toContain("stage");
  });
});
