import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { stripVTControlCharacters } from "node:util";
import {
  GetSecretValueCommand,
  ListSecretsCommand,
  ListSecretVersionIdsCommand,
  SecretsManagerClient,
} from "@aws-sdk/client-secrets-manager";
import { afterAll, beforeAll, expect, test } from "vitest";
import { leakScanner } from "../support/leak-scanner.ts";
import { hashesOf, secretsIn, VERIFIER } from "../support/leak-secrets.ts";

const PROJECT = fileURLToPath(new URL("../../", import.meta.url));
const DEMO_MS = 240_000;
/** What `npm start` needs of the project, with what serves the view of what it leaves running. */
const PARTS = [
  "cli",
  "core",
  "functions",
  "local",
  "statemachines",
  "view",
  "package.json",
  "package-lock.json",
  "rotation.config.ts",
];

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "rotor-leaks-"));
  // As the system's own one: where the database runs as another user, that user writes there, too.
  await chmod(directory, 0o1777);
});
afterAll(() => rm(directory, { recursive: true, force: true }));

test("what npm start prints has no secret", { timeout: DEMO_MS }, async () => {
  expect(await leaksOfDemo(PROJECT)).toEqual([]);
});

test("a demo that prints a password is found out", { timeout: DEMO_MS }, async () => {
  const copy = join(directory, "project");
  await mkdir(copy);
  await Promise.all(PARTS.map((part) => cp(join(PROJECT, part), join(copy, part), { recursive: true })));
  await symlink(join(PROJECT, "node_modules"), join(copy, "node_modules"));
  const file = join(copy, "local/demo/rotation.ts");
  const [before, after, ...more] = (await readFile(file, "utf8")).split("  const client = new Client({");
  expect(more).toEqual([]);
  await writeFile(
    file,
    `${before}  console.log(Buffer.from(password).toString("hex"));\n  const client = new Client({${after}`,
  );

  expect(await leaksOfDemo(copy)).toEqual(["hex"]);
});

/** Runs the demo of a project until it has nothing more to tell, and asks its account for every value. */
async function leaksOfDemo(project: string): Promise<readonly string[]> {
  const child = spawn(process.execPath, [join(project, "local/demo/start.mjs"), "--keep"], {
    cwd: project,
    env: { PATH: process.env["PATH"] ?? "", HOME: directory, TMPDIR: directory },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  const told = new Promise<void>((resolve) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        output += text;
        if (output.includes("Ctrl-C ends it.")) resolve();
      });
    }
    child.once("close", () => resolve());
  });
  try {
    await told;
    expect(output).toContain("Ctrl-C ends it.");
    const endpoint = /account (http:\S+),/.exec(stripVTControlCharacters(output))?.[1] ?? "";
    const secrets = (await everyValue(endpoint)).flatMap(secretsIn);
    expect(secrets.length).toBeGreaterThan(5);
    return leakScanner([...secrets, VERIFIER, ...secrets.flatMap(hashesOf)])(output);
  } finally {
    if (child.exitCode === null) {
      const ended = once(child, "close");
      child.kill("SIGINT");
      await ended;
    }
  }
}

async function everyValue(endpoint: string): Promise<readonly string[]> {
  const credentials = { accessKeyId: "test", secretAccessKey: "test" };
  const client = new SecretsManagerClient({ endpoint, region: "us-east-1", credentials });
  const { SecretList = [] } = await client.send(new ListSecretsCommand({}));
  const values = SecretList.map(async ({ ARN: SecretId }) => {
    const { Versions = [] } = await client.send(new ListSecretVersionIdsCommand({ SecretId, IncludeDeprecated: true }));
    const read = Versions.map(({ VersionId }) => client.send(new GetSecretValueCommand({ SecretId, VersionId })));
    return (await Promise.all(read)).flatMap(({ SecretString }) => SecretString ?? []);
  });
  return (await Promise.all(values)).flat();
}
