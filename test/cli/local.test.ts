import { execFile } from "node:child_process";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { rotor, type Started, start } from "./rotor.ts";

const PROJECT = join(import.meta.dirname, "../..");
// Sources are compiled on the way, and functions are bundled, on processors that others use, too.
const LONGEST_START = { timeout: 150_000 };
const LONGEST = { timeout: 180_000 };

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "local-"));
});
afterAll(() => rm(directory, { recursive: true }));

const running: Started[] = [];
afterEach(async () => {
  for (const each of running) each.interrupt();
  await Promise.all(running.splice(0).map(({ ended }) => ended));
});

/** The program from the clone's sources. */
function fromSources(...args: readonly string[]): Started {
  const started = start(args, { HOME: directory }, join(PROJECT, "cli/start.mjs"));
  running.push(started);
  return started;
}

/** The variables that it prints once it serves. */
async function served(local: Started): Promise<Readonly<Record<string, string>>> {
  await expect.poll(local.stderr, LONGEST_START).toContain("Ctrl-C ends it.");
  return Object.fromEntries(
    [...local.stdout().matchAll(/^export (\w+)=(.*)$/gm)].map(([, name, value]) => [name, value]),
  );
}

async function policiesOf(stage: string): Promise<string> {
  const file = join(directory, `${stage}.config.ts`);
  const policy = `{ secretId: "orders/db", strategy: "random-text", mode: "driven", stages: ["${stage}"] }`;
  await writeFile(file, `export default [${policy}];`);
  return file;
}

async function freePort(): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return String(typeof address === "object" ? address?.port : undefined);
}

test.each([
  ["local", []],
  ["production", ["--stage", "production"]],
] as const)(
  "local serves an account with the policies of a file, in stage %s, until Ctrl-C",
  LONGEST,
  async (stage, named) => {
    const local = fromSources("local", "--config", await policiesOf(stage), ...named);
    const environment = await served(local);

    const doctor = await rotor(environment, "doctor");
    expect(doctor.status).toBe(7);
    expect(doctor.stderr).toContain(`stage ${stage}\n`);
    expect(doctor.stdout).toContain("There is no secret orders/db, which a policy names.");
    local.interrupt();
    expect((await local.ended).status).toBe(130);
    expect((await rotor({ ...environment, AWS_MAX_ATTEMPTS: "1" }, "secrets")).status).toBe(254);
  },
);

test("local serves the port that is asked for", LONGEST, async () => {
  const port = await freePort();
  const local = fromSources("local", "--port", port);
  const environment = await served(local);
  expect(environment["AWS_ENDPOINT_URL"]).toBe(`http://127.0.0.1:${port}`);
  expect((await rotor(environment, "secrets", "--all")).stdout).toContain("rotor/heartbeat");
});

test("local keeps its state in the journal that is asked for", LONGEST, async () => {
  const journal = join(directory, "journal");
  const config = await policiesOf("local");
  await served(fromSources("local", "--port", await freePort(), "--config", config, "--journal", journal));
  expect(await readdir(journal)).not.toEqual([]);
});

test("local says as a document what its variables are", LONGEST, async () => {
  const local = fromSources("local", "--output", "json");
  const none = await served(local);
  expect(none).toEqual({});
  expect(JSON.parse(local.stdout())).toMatchObject({ environment: { AWS_ENDPOINT_URL: expect.any(String) } });
});

// What it shows up to its end: test/demo/start.test.ts.
test("demo rotates what npm start does, and ends at Ctrl-C", LONGEST, async () => {
  const demo = fromSources("demo");
  await expect.poll(demo.stdout, LONGEST_START).toMatch(/demo\/orders-db +✓ CreateSecret/);
  demo.interrupt();
  expect((await demo.ended).status).toBe(130);
});

test.each([[["run", "rotor"]], [["run", "--silent", "rotor"]]])(
  "npm %j hands over what follows --",
  LONGEST,
  async (npm) => {
    const { stdout } = await promisify(execFile)("npm", [...npm, "--", "--help"], { cwd: PROJECT });
    expect(stdout).toContain("Usage: rotor");
  },
);

test.each([
  [["local", "--port", "99999"], 252, "--port takes a whole number from 1 to 65535"],
  [["local", "--config", "/nowhere.ts"], 253, "/nowhere.ts could not be read"],
  [["demo", "--port", "x"], 252, "--port takes a number from 1 to 65535"],
] as const)("%j is refused in one sentence", LONGEST, async (args, status, says) => {
  const wrong = await fromSources(...args).ended;
  expect(wrong.status).toBe(status);
  expect(wrong.stderr).toContain(says);
});

test("the package says of what needs a clone that it does", async () => {
  const ended = await rotor({}, "demo");
  expect([ended.status, ended.stderr]).toEqual([253, expect.stringContaining("This needs a clone of Rotor")]);
});
