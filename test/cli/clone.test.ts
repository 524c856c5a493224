import { execFile } from "node:child_process";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { rotor, start } from "./rotor.ts";

/** What works in a clone only, from its sources. */
const PROJECT = join(import.meta.dirname, "../..");
const SOURCES = join(PROJECT, "cli/start.mjs");
const ANYBODY = { AWS_REGION: "us-east-1", AWS_ACCESS_KEY_ID: "test", AWS_SECRET_ACCESS_KEY: "test" };
let home: string;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "rotor-clone-"));
});
afterAll(() => rm(home, { recursive: true }));
const inClone = (...args: readonly string[]) => start(args, { HOME: home }, SOURCES);

async function freePort(): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return String(typeof address === "object" ? address?.port : undefined);
}

test.each([[["run", "rotor"]], [["run", "--silent", "rotor"]]])("npm %j hands over what follows --", async (npm) => {
  const { stdout } = await promisify(execFile)("npm", [...npm, "--", "--help"], { cwd: PROJECT });
  expect(stdout).toContain("Usage: rotor");
});

// What it shows up to its end: test/demo/start.test.ts.
test("demo rotates what npm start does, and ends at Ctrl-C", async () => {
  const demo = inClone("demo");
  await expect.poll(demo.stdout, { timeout: 50_000 }).toMatch(/demo\/orders-db +✓ CreateSecret/);
  demo.interrupt();
  expect((await demo.ended).status).toBe(130);
});

test("local serves the port that is asked for, until Ctrl-C", async () => {
  const port = await freePort();
  const local = inClone("local", "--port", port);
  await expect.poll(local.stderr, { timeout: 40_000 }).toContain("Ctrl-C ends it.");
  const secrets = await rotor({ ...ANYBODY, AWS_ENDPOINT_URL: `http://127.0.0.1:${port}` }, "secrets", "--all");
  expect(secrets.stdout).toContain("rotor/heartbeat");
  local.interrupt();
  const ended = await local.ended;
  expect(ended.status).toBe(130);
  expect(ended.stdout).toContain(`export AWS_ENDPOINT_URL=http://127.0.0.1:${port}\n`);
});

test("local keeps its state in the journal that is asked for", async () => {
  const config = join(home, "rotation.config.ts");
  const journal = join(home, "journal");
  await writeFile(config, 'export default [{ secretId: "a/b", strategy: "random-text", mode: "driven" }];');
  const local = inClone("local", "--port", await freePort(), "--config", config, "--journal", journal);
  await expect.poll(local.stderr, { timeout: 40_000 }).toContain("Ctrl-C ends it.");
  local.interrupt();
  expect((await local.ended).status).toBe(130);
  expect(await readdir(journal)).not.toEqual([]);
});
