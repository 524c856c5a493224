import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bundleFunctions } from "../../local/bundle.ts";
import { RealClock } from "../../local/clock.ts";
import { createLambda } from "../../local/services/lambda.ts";
import type { BundledFunction } from "../../local/services/lambda-definition.ts";
import { createThreads, type Threads } from "../../local/services/lambda-threads.ts";

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "lambda-threads-"));
});
afterAll(() => rm(directory, { recursive: true }));

describe("a thread of CommonJS code", () => {
  const THREAD = 'const { threadId: thread, workerData } = require("node:worker_threads");';
  const place = { region: "eu-central-1", accountId: "1", clock: new RealClock(), endpoint: () => "" };

  /** Defines the code in an account of its own that takes these threads, invokes it twice, and ends the account. */
  async function useOnce(threads: Threads, file: string, settings: Partial<BundledFunction> = {}) {
    const own = createLambda({ ...place, threads });
    own.define({ name: "used", file, timeoutMs: 5_000, environment: {}, ...settings });
    await own.invoke("used", {});
    const { Payload } = await own.invoke("used", {});
    await own.stop();
    return { seen: Payload as Record<string, never>, logs: own.logs() };
  }

  async function write(source: string): Promise<string> {
    const file = join(directory, `used-${Math.random().toString(16).slice(2)}.cjs`);
    await writeFile(file, source);
    return file;
  }

  test("is used again by another account, whose environment has modules, variables, data and globals of its own", async () => {
    const file = await write(`${THREAD}
      let count = 0;
      const before = typeof globalThis.mark;
      const variables = { ...process.env };
      exports.handler = async () => {
        globalThis.mark = 1;
        process.env.OF_AN_INVOCATION = "1";
        console.log("ran in", workerData.config);
        return { thread, before, count: ++count, data: workerData.config, variables };
      };`);
    const threads = createThreads();
    const first = await useOnce(threads, file, { environment: { ONLY: "first" }, data: "one" });
    const second = await useOnce(threads, file, { data: "two" });
    await threads.end();

    expect(first.seen).toMatchObject({ before: "undefined", count: 2, data: "one", variables: { ONLY: "first" } });
    expect(second.seen).toMatchObject({ thread: first.seen["thread"], before: "undefined", count: 2, data: "two" });
    expect(second.seen["variables"]).not.toHaveProperty("ONLY");
    expect(second.seen["variables"]).not.toHaveProperty("OF_AN_INVOCATION");
    expect(second.logs.map(({ text }) => text)).toEqual(["ran in two", "ran in two"]);
  });

  test("leaves what it has compiled beside the bundle, for threads that start later", async () => {
    const file = await write(`${THREAD} exports.handler = async () => ({ thread });`);
    const threads = createThreads();
    const first = await useOnce(threads, file);
    await threads.end();
    expect(await readdir(directory)).toContain(`${basename(file)}.compiled`);
    const second = await useOnce(threads, file);
    await threads.end();
    expect(second.seen["thread"]).not.toBe(first.seen["thread"]);
  });

  test("loads what a bundle imports late, also when it starts with what another has compiled", async () => {
    const source = join(directory, "late.ts");
    await writeFile(source, 'export const handler = async () => (await import("node:path")).sep;');
    const configPath = join(directory, "rotation.config.ts");
    const { late = "" } = await bundleFunctions({ outdir: directory, entries: { late: source }, configPath });
    const threads = createThreads();
    for (const _start of ["compiles", "has it compiled"]) {
      expect((await useOnce(threads, late)).seen).toBe("/");
      await threads.end();
    }
  });

  test("that was compiled by another version of Node is compiled anew", async () => {
    const file = await write(`${THREAD} exports.handler = async () => ({ thread });`);
    await writeFile(`${file}.compiled`, "of another version");
    const threads = createThreads();
    expect((await useOnce(threads, file)).seen).toEqual({ thread: expect.any(Number) });
    await threads.end();
    expect((await readFile(`${file}.compiled`)).byteLength).toBeGreaterThan(100);
  });

  test.each([
    ["a timer", "setInterval(() => {}, 9e3);"],
    ["an open port", 'require("node:net").createServer().listen(0, "127.0.0.1");'],
    ["a global variable that stays", 'Object.defineProperty(globalThis, "mark", { value: 1 });'],
  ])("is not used again when the environment has left %s", async (_what, leave) => {
    const file = await write(`${THREAD} ${leave} exports.handler = async () => ({ thread });`);
    const threads = createThreads();
    const first = await useOnce(threads, file);
    const second = await useOnce(threads, file);
    await threads.end();
    expect(second.seen["thread"]).not.toBe(first.seen["thread"]);
  });

  test("is not used again after a timeout, nor after its handler's death", async () => {
    const file = await write(`${THREAD}
      exports.handler = (event) => {
        if (event === "die") process.exit(3);
        return event === "hang" ? new Promise(() => {}) : thread;
      };`);
    const threads = createThreads();
    const own = createLambda({ ...place, threads });
    own.define({ name: "mortal", file, timeoutMs: 300, environment: {} });
    const used = new Set<unknown>();
    for (const end of ["hang", "die"]) {
      used.add((await own.invoke("mortal", {})).Payload);
      expect((await own.invoke("mortal", end)).FunctionError).toBe("Unhandled");
    }
    used.add((await own.invoke("mortal", {})).Payload);
    await own.stop();
    await threads.end();
    expect(used.size).toBe(3);
  });

  test("serves the function again after it was defined again, with its new data", async () => {
    const file = await write(`${THREAD} exports.handler = async () => ({ thread, data: workerData.config });`);
    const own = createLambda(place);
    const seen: Record<string, unknown>[] = [];
    for (const data of ["one", "two"]) {
      own.define({ name: "again", file, timeoutMs: 5_000, environment: {}, data });
      seen.push((await own.invoke("again", {})).Payload as Record<string, unknown>);
      await own.invoke("again", {});
    }
    await own.stop();
    expect(seen.map(({ data }) => data)).toEqual(["one", "two"]);
  });
});
