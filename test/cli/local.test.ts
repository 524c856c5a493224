import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { rotor } from "./rotor.ts";

const START = join(import.meta.dirname, "../../cli/start.mjs");

/** The program from the clone's sources. */
function fromSources(...args: readonly string[]) {
  const child = spawn(process.execPath, [START, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (data) => {
    stdout += data;
  });
  child.stderr.on("data", (data) => {
    stderr += data;
  });
  const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
  return { child, ended, stdout: () => stdout, stderr: () => stderr };
}

const ENVIRONMENT = {
  table: (stdout: string) =>
    Object.fromEntries([...stdout.matchAll(/^export (\w+)=(.*)$/gm)].map(([, ...pair]) => pair)),
  json: (stdout: string) => JSON.parse(stdout).environment,
};

test.each([
  ["local", "table", []],
  ["production", "json", ["--stage", "production"]],
] as const)(
  "local serves an account with the policies of a file, in stage %s, until Ctrl-C; as %s it says how to reach it",
  {
    timeout: 120_000,
  },
  async (stage, format, named) => {
    const directory = await mkdtemp(join(tmpdir(), "local-"));
    const config = join(directory, "rotation.config.ts");
    const policy = { secretId: "orders/db", strategy: "random-text", mode: "driven", stages: [stage] };
    await writeFile(config, `export default ${JSON.stringify([policy])};`);
    const local = fromSources("local", "--config", config, "--output", format, ...named);
    try {
      await expect.poll(local.stderr, { timeout: 90_000 }).toContain("Ctrl-C ends it.");
      const environment = ENVIRONMENT[format](local.stdout());
      const doctor = await rotor(environment, "doctor");
      expect(doctor.status).toBe(7);
      expect(doctor.stderr).toContain(`stage ${stage}\n`);
      expect(doctor.stdout).toContain("There is no secret orders/db, which a policy names.");
      local.child.kill("SIGINT");
      expect(await local.ended).toBe(130);
      expect((await rotor({ ...environment, AWS_MAX_ATTEMPTS: "1" }, "secrets")).status).toBe(254);
    } finally {
      local.child.kill("SIGKILL");
      await rm(directory, { recursive: true });
    }
  },
);

test.each([
  [["local", "--port", "99999"], 252, "--port takes a whole number from 1 to 65535"],
  [["local", "--config", "/nowhere.ts"], 253, "/nowhere.ts could not be read"],
  [["demo", "--port", "x"], 252, "--port takes a number from 1 to 65535"],
] as const)("%j is refused in one sentence", async (args, status, says) => {
  const wrong = fromSources(...args);
  expect(await wrong.ended).toBe(status);
  expect(wrong.stderr()).toContain(says);
});

test("the package says of what needs a clone that it does", async () => {
  const ended = await rotor({}, "demo");
  expect([ended.status, ended.stderr]).toEqual([253, expect.stringContaining("This needs a clone of Rotor")]);
});
