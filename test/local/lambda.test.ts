import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Clock } from "../../local/clock.ts";
import { createLambda, type Lambda } from "../../local/services/lambda.ts";

/** Pauses are noted and skipped. */
function skippingClock(): Clock & { readonly pauses: number[] } {
  const pauses: number[] = [];
  return {
    pauses,
    now: () => Date.now(),
    async sleep(milliseconds, _kind, signal) {
      pauses.push(milliseconds);
      return signal?.aborted !== true;
    },
    track: (work) => work,
  };
}

let directory: string;
const clock = skippingClock();
const lambda: Lambda = createLambda({
  region: "eu-central-1",
  accountId: "111122223333",
  clock,
  endpoint: () => "http://127.0.0.1:9",
});

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "lambda-"));
});
afterAll(async () => {
  await lambda.stop();
  await rm(directory, { recursive: true });
});

interface Settings {
  timeoutMs?: number;
  environment?: Record<string, string>;
  data?: unknown;
  memoryMegabytes?: number;
}

/** Deploys source code as a function of its own. */
async function deploy(name: string, source: string, settings: Settings = {}): Promise<string> {
  const file = join(directory, `${name}-${Math.random().toString(16).slice(2)}.mjs`);
  await writeFile(file, source);
  return lambda.define({ name, file, timeoutMs: 5_000, environment: {}, ...settings });
}

async function invoke(name: string, payload: unknown = {}) {
  const result = await lambda.invoke(name, payload);
  return { ...result, payload: result.Payload as Record<string, never> };
}

async function eventually(condition: () => boolean): Promise<void> {
  for (const deadline = Date.now() + 5_000; !condition(); await new Promise((resolve) => setTimeout(resolve, 5))) {
    if (Date.now() > deadline) throw new Error("the condition did not become true in 5 s");
  }
}

describe("an environment", () => {
  test("has what Lambda gives and the function's own variables, and nothing of this process", async () => {
    process.env.OF_THIS_PROCESS = "visible";
    await deploy("environ", "export const handler = async () => process.env", { environment: { STAGE: "test" } });
    const { payload } = await invoke("environ");
    delete process.env.OF_THIS_PROCESS;
    expect(payload).toMatchObject({
      AWS_REGION: "eu-central-1",
      AWS_LAMBDA_FUNCTION_NAME: "environ",
      AWS_LAMBDA_FUNCTION_VERSION: "$LATEST",
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: "256",
      AWS_ENDPOINT_URL: "http://127.0.0.1:9",
      STAGE: "test",
    });
    expect(payload).not.toHaveProperty("OF_THIS_PROCESS");
    expect(payload).not.toHaveProperty("PATH");
    expect(payload).not.toHaveProperty("HOME");
    expect(lambda.functionOf(String(payload["AWS_ACCESS_KEY_ID"]))).toBe("environ");
  });

  test("is reused warm, and shares nothing with another function of the same code", async () => {
    const source = "let count = 0; export const handler = async () => { globalThis.mark = 1; return ++count; }";
    await deploy("counter", source);
    await deploy("other", source.replace("++count", "[++count, typeof globalThis.seen]"));
    expect((await invoke("counter")).Payload).toBe(1);
    expect((await invoke("counter")).Payload).toBe(2);
    expect((await invoke("other")).Payload).toEqual([1, "undefined"]);
    expect(globalThis).not.toHaveProperty("mark");
  });

  test("runs one invocation at a time: a concurrent one gets another environment", async () => {
    await deploy(
      "busy",
      `let inside = 0, most = 0;
       const id = Math.random();
       export const handler = async () => {
         most = Math.max(most, ++inside);
         await new Promise((resolve) => setTimeout(resolve, 30));
         inside--;
         return { id, most };
       }`,
    );
    const all = await Promise.all([invoke("busy"), invoke("busy"), invoke("busy")]);
    expect(new Set(all.map(({ payload }) => payload["id"])).size).toBe(3);
    expect(all.map(({ payload }) => payload["most"])).toEqual([1, 1, 1]);
    const later = await invoke("busy");
    expect(all.map(({ payload }) => payload["id"])).toContain(later.payload["id"]);
  });

  test("is new after the function was defined again", async () => {
    await deploy("redefined", "export const handler = async () => 'old'");
    expect((await invoke("redefined")).Payload).toBe("old");
    await deploy("redefined", "export const handler = async () => 'new'");
    expect((await invoke("redefined")).Payload).toBe("new");
  });

  test("gets the deployed data as workerData.config", async () => {
    const source = `import { workerData } from "node:worker_threads"; export const handler = async () => workerData.config`;
    await deploy("configured", source, { data: [{ secretId: "orders/db" }] });
    expect((await invoke("configured")).Payload).toEqual([{ secretId: "orders/db" }]);
  });
});

describe("an invocation", () => {
  test("passes JSON in and out, and nothing else", async () => {
    await deploy(
      "json",
      `export const handler = async (event) => {
         event.added = true;
         return { event, date: new Date(0), dropped: undefined, infinite: Infinity };
       }`,
    );
    const event = { when: new Date(0), gone: undefined };
    expect((await invoke("json", event)).Payload).toEqual({
      event: { when: "1970-01-01T00:00:00.000Z", added: true },
      date: "1970-01-01T00:00:00.000Z",
      infinite: null,
    });
    expect(event).not.toHaveProperty("added");
    await deploy("nothing", "export const handler = async () => {}");
    expect((await invoke("nothing")).Payload).toBeNull();
  });

  test("gets AWS's context, with a remaining time that falls", async () => {
    const arn = await deploy(
      "context",
      `export const handler = async (_event, context) => {
         const first = context.getRemainingTimeInMillis();
         await new Promise((resolve) => setTimeout(resolve, 20));
         return { ...context, first, second: context.getRemainingTimeInMillis() };
       }`,
    );
    const { payload } = await invoke(arn);
    expect(payload).toMatchObject({ functionName: "context", invokedFunctionArn: arn, memoryLimitInMB: "256" });
    expect(payload["awsRequestId"]).toMatch(/^[0-9a-f-]{36}$/);
    expect(payload["first"]).toBeLessThanOrEqual(5_000);
    expect(payload["first"]).toBeGreaterThan(4_000);
    expect(Number(payload["first"]) - Number(payload["second"])).toBeGreaterThanOrEqual(19);
  });

  test("of an unknown function, account, Region or version is ResourceNotFoundException", async () => {
    await deploy("known", "export const handler = async () => 1");
    const arn = "arn:aws:lambda:eu-central-1:111122223333:function:";
    expect((await invoke(`${arn}known`)).Payload).toBe(1);
    expect((await invoke(`${arn}known:$LATEST`)).Payload).toBe(1);
    for (const unknown of [
      "nobody",
      `${arn}nobody`,
      `${arn}known:7`,
      `${arn}known`.replace("1111", "2222"),
      `${arn}known`.replace("central", "west"),
      "",
    ]) {
      await expect(lambda.invoke(unknown, {})).rejects.toMatchObject({
        name: "ResourceNotFoundException",
        statusCode: 404,
      });
    }
  });

  test("is no longer waited for when its signal aborts, and goes on", async () => {
    await deploy(
      "slow",
      "export const handler = async () => { await new Promise((r) => setTimeout(r, 60)); console.log('went on') }",
    );
    const abort = new AbortController();
    const waiting = lambda.invoke("slow", {}, abort.signal);
    abort.abort(new Error("enough"));
    await expect(waiting).rejects.toThrow("enough");
    await eventually(() => lambda.logs().some((line) => line.functionName === "slow" && line.text === "went on"));
  });
});

describe("a failed invocation", () => {
  test("carries the error's name, message and stack, and never its cause", async () => {
    await deploy(
      "throws",
      `class Mine extends Error { name = "TargetUnavailable" }
       export const handler = async () => { throw new Mine("the target is away", { cause: new Error("hunter2") }) }`,
    );
    const result = await invoke("throws");
    expect(result.FunctionError).toBe("Unhandled");
    expect(Object.keys(result.payload).sort()).toEqual(["errorMessage", "errorType", "trace"]);
    expect(result.payload).toMatchObject({ errorType: "TargetUnavailable", errorMessage: "the target is away" });
    expect(result.payload["trace"]?.[1]).toContain("throws-");
    expect(JSON.stringify(result)).not.toContain("hunter2");
    expect(JSON.stringify(lambda.logs())).not.toContain("hunter2");
  });

  test("of an unnamed subclass has errorType Error; a thrown string has errorType string", async () => {
    await deploy("unnamed", "class X extends Error {} export const handler = () => { throw new X('x') }");
    expect((await invoke("unnamed")).payload).toMatchObject({ errorType: "Error", errorMessage: "x" });
    await deploy("string", "export const handler = async () => { throw 'no error' }");
    expect((await invoke("string")).Payload).toEqual({ errorType: "string", errorMessage: "no error", trace: [] });
  });

  test("leaves the runtime's line in the log, with the error's enumerable properties as on AWS", async () => {
    await deploy(
      "driver",
      "export const handler = async () => { throw Object.assign(new Error('x'), { sql: 'ALTER ROLE a' }) }",
    );
    await invoke("driver");
    const line = lambda.logs().find((each) => each.functionName === "driver");
    expect(line).toMatchObject({ stream: "stderr", requestId: expect.stringMatching(/^[0-9a-f-]{36}$/) });
    expect(line?.text).toContain('"sql":"ALTER ROLE a"');
  });

  test("by timeout ends the thread, even a spinning one, and runs no finally", async () => {
    await deploy(
      "spins",
      `export const handler = async (event) => {
         if (event.quick) return "alive";
         try { console.log("spinning"); for (;;); } finally { console.log("finally") }
       }`,
      { timeoutMs: 200 },
    );
    const started = Date.now();
    const result = await invoke("spins");
    expect(Date.now() - started).toBeGreaterThanOrEqual(200);
    expect(result.FunctionError).toBe("Unhandled");
    expect(result.payload["errorType"]).toBe("Sandbox.Timedout");
    expect(result.payload["errorMessage"]).toMatch(
      /^RequestId: [0-9a-f-]{36} Error: Task timed out after 0\.20 seconds$/,
    );
    await deploy(
      "sleeps",
      "export const handler = async () => { try { await new Promise((r) => setTimeout(r, 9e3)) } finally { console.log('finally') } }",
      { timeoutMs: 50 },
    );
    expect((await invoke("sleeps")).payload["errorType"]).toBe("Sandbox.Timedout");
    expect(lambda.logs().map((line) => line.text)).toContain("spinning");
    expect(lambda.logs().map((line) => line.text)).not.toContain("finally");
    expect((await invoke("spins", { quick: true })).Payload).toBe("alive");
  });

  test("by process.exit, a lost promise or memory ends the environment and names the reason", async () => {
    await deploy("exits", "export const handler = async () => { console.log('last words'); process.exit(3) }");
    const exited = await invoke("exits");
    expect(exited.payload).toMatchObject({ errorType: "Runtime.ExitError" });
    expect(exited.payload["errorMessage"]).toMatch(/Error: Runtime exited with error: exit status 3$/);
    expect(lambda.logs().map((line) => line.text)).toContain("last words");

    await deploy(
      "rejects",
      "export const handler = () => { Promise.reject(new Error('lost')); return new Promise(() => {}) }",
    );
    expect((await invoke("rejects")).payload["errorType"]).toBe("Runtime.UnhandledPromiseRejection");

    const source = "export const handler = async () => { const all = []; for (;;) all.push(new Array(1e5).fill({})) }";
    await deploy("hungry", source, { memoryMegabytes: 16 });
    const starved = await invoke("hungry");
    expect(starved.payload["errorType"]).toBe("Runtime.ExitError");
    expect(starved.payload["errorMessage"]).toMatch(/signal: aborted$/);
  });

  test("while loading names the module's own error, or the missing handler", async () => {
    await deploy("unloadable", "throw new TypeError('at load')");
    expect((await invoke("unloadable")).payload).toMatchObject({ errorType: "TypeError", errorMessage: "at load" });
    await deploy("empty", "export const other = 1");
    expect((await invoke("empty")).payload["errorType"]).toBe("Runtime.HandlerNotFound");
  });

  test("by kill ends Runtime.ExitError, and the next invocation gets a fresh environment", async () => {
    await deploy(
      "killed",
      "export const handler = async (event) => { if (event.quick) return 1; console.log('running'); await new Promise(() => { setInterval(() => {}, 9e3) }) }",
    );
    const running = invoke("killed");
    await eventually(() => lambda.logs().some((line) => line.functionName === "killed"));
    await lambda.kill("killed");
    const { payload } = await running;
    expect(payload["errorType"]).toBe("Runtime.ExitError");
    expect(payload["errorMessage"]).toMatch(/signal: killed$/);
    expect((await invoke("killed", { quick: true })).Payload).toBe(1);
  });
});

test("every line a handler prints is kept with its stream and request", async () => {
  await deploy(
    "prints",
    `console.log("loading");
     export const handler = async (_event, context) => {
       console.log("one\\ntwo"); console.error({ three: 3 }); process.stdout.write(Buffer.from("four"));
       return context.awsRequestId;
     }`,
  );
  const requestId = (await invoke("prints")).Payload;
  const lines = lambda.logs().filter((line) => line.functionName === "prints");
  expect(lines.filter((line) => line.stream === "stdout").map((line) => line.text)).toEqual([
    "loading",
    "one",
    "two",
    "four",
  ]);
  expect(lines.filter((line) => line.stream === "stderr").map((line) => line.text)).toEqual(["{ three: 3 }"]);
  expect(lines.at(-1)).toMatchObject({ requestId });
});

describe("an asynchronous invocation", () => {
  const Invoke = (input: Record<string, unknown>) => lambda.operations["Invoke"]?.(input);

  test("is accepted at once and tried twice more after errors, with the same request id", async () => {
    await deploy(
      "flaky",
      "export const handler = async (event, context) => { console.log(context.awsRequestId); throw new Error('no') }",
    );
    clock.pauses.length = 0;
    expect(await Invoke({ FunctionName: "flaky", InvocationType: "Event", Payload: {} })).toEqual({ StatusCode: 202 });
    await lambda.idle();
    const printed = lambda.logs().filter((line) => line.functionName === "flaky" && line.stream === "stdout");
    expect(printed).toHaveLength(3);
    expect(new Set(printed.map((line) => line.text)).size).toBe(1);
    // Until an instant: what the machine has taken meanwhile is taken off.
    expect(clock.pauses.map((ms) => Math.ceil(ms / 1000))).toEqual([60, 120]);
  });

  test("that failed three times is a dead letter, as a destination would be told; a later success is none", async () => {
    await deploy("hopeless", "export const handler = async (event) => { throw new Error(event.why) }");
    await deploy(
      "slow-starter",
      "let calls = 0; export const handler = () => { if (++calls < 3) throw new Error('no') }",
    );
    await Invoke({ FunctionName: "hopeless", InvocationType: "Event", Payload: { why: "no route" } });
    await Invoke({ FunctionName: "slow-starter", InvocationType: "Event", Payload: {} });
    await lambda.idle();
    expect(lambda.deadLetters().filter((each) => !each.requestContext.functionArn.includes(":flaky"))).toEqual([
      {
        version: "1.0",
        timestamp: expect.stringMatching(/Z$/),
        requestContext: {
          requestId: expect.stringMatching(/^[0-9a-f-]{36}$/),
          functionArn: expect.stringMatching(/:function:hopeless:\$LATEST$/),
          condition: "RetriesExhausted",
          approximateInvokeCount: 3,
        },
        requestPayload: { why: "no route" },
        responseContext: { statusCode: 200, executedVersion: "$LATEST", functionError: "Unhandled" },
        responsePayload: expect.objectContaining({ errorType: "Error", errorMessage: "no route" }),
      },
    ]);
  });

  test("of an unknown function, or of an unknown type, is refused; DryRun runs nothing", async () => {
    await deploy("dry", "export const handler = async () => { console.log('ran') }");
    expect(await Invoke({ FunctionName: "dry", InvocationType: "DryRun" })).toEqual({ StatusCode: 204 });
    await expect(Invoke({ FunctionName: "nobody", InvocationType: "Event" })).rejects.toThrow("Function not found");
    await expect(Invoke({ FunctionName: "dry", InvocationType: "Later" })).rejects.toMatchObject({
      name: "InvalidParameterValueException",
    });
    expect(lambda.logs().filter((line) => line.functionName === "dry")).toEqual([]);
  });
});

describe("a function that is served by another process", () => {
  /** Serves one function so, until disposed. */
  async function serve(name: string, answer: (event: never, response: ServerResponse) => void, timeoutMs = 5_000) {
    const paths: (string | undefined)[] = [];
    const server = createServer(async (request, response) => {
      paths.push(`${request.method} ${request.url}`);
      answer(JSON.parse(await text(request)) as never, response);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    lambda.define({ name, address, timeoutMs });
    const close = async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    };
    return { paths, close, [Symbol.asyncDispose]: close };
  }

  test("gets the event as AWS's emulator of the runtime does, and its body is the answer", async () => {
    await using served = await serve("served", (event, response) => response.end(JSON.stringify({ got: event })));

    expect(await invoke("served", { Step: "createSecret" })).toMatchObject({
      StatusCode: 200,
      Payload: { got: { Step: "createSecret" } },
    });
    expect(served.paths).toEqual(["POST /2015-03-31/functions/function/invocations"]);
  });

  test.each<[string, number, string, unknown]>([
    ["null", 200, "null", null],
    ["nothing", 200, "", null],
    ["a text", 200, '"done"', "done"],
  ])("answers %s", async (_what, status, body, payload) => {
    await using _ = await serve("plain", (_event, response) => response.writeHead(status).end(body));
    const { FunctionError, Payload } = await invoke("plain");
    expect([FunctionError, Payload]).toEqual([undefined, payload]);
  });

  test.each<[string, number, string, string]>([
    ["an error with status 200", 200, '{"errorType":"ValueError","errorMessage":"no","stackTrace":[]}', "ValueError"],
    ["an error with another", 502, '{"errorType":"ValueError","errorMessage":"no"}', "ValueError"],
    ["that its time was over", 200, "Task timed out after 3.00 seconds", "Sandbox.Timedout"],
    ["another status", 500, "", "Runtime.ExitError"],
    ["no JSON", 200, "<html>", "Runtime.ExitError"],
  ])("has failed when it answers %s", async (_what, status, body, errorType) => {
    await using _ = await serve("failing", (_event, response) => response.writeHead(status).end(body));
    const { FunctionError, payload } = await invoke("failing");
    expect([FunctionError, payload["errorType"]]).toEqual(["Unhandled", errorType]);
  });

  test("that gives no answer in its time has timed out, and takes the next invocation", async () => {
    let first = true;
    await using _ = await serve(
      "late",
      (_event, response) => {
        if (!first) response.end("1");
        first = false;
      },
      200,
    );
    expect((await invoke("late")).payload).toEqual({
      errorType: "Sandbox.Timedout",
      errorMessage: expect.stringMatching(/Task timed out after 0.20 seconds$/),
    });
    expect((await invoke("late")).Payload).toBe(1);
  });

  test("whose answer breaks off has ended", async () => {
    await using _ = await serve("broken", (_event, response) => {
      response.writeHead(200, { "content-length": "100" }).write("{", () => response.destroy());
    });
    expect((await invoke("broken")).payload).toMatchObject({
      errorType: "Runtime.ExitError",
      errorMessage: expect.stringMatching(/\(ECONNRESET\)$/),
    });
  });

  test("that nobody serves has ended, and so has one that is killed", async () => {
    const served = await serve("away", () => {});
    const running = lambda.invoke("away", {});
    await eventually(() => served.paths.length > 0);
    await lambda.kill("away");
    expect((await running).Payload).toMatchObject({ errorMessage: expect.stringMatching(/signal: killed$/) });
    await served.close();
    expect((await invoke("away")).payload).toMatchObject({
      errorType: "Runtime.ExitError",
      errorMessage: expect.stringMatching(/no answer from http:\/\/127.0.0.1:\d+ \(ECONNREFUSED\)$/),
    });
  });
});

test("a warm environment does not keep the process alive", async () => {
  const file = join(directory, "quick.mjs");
  await writeFile(file, "setInterval(() => {}, 9e3); export const handler = async () => 'done'");
  const program = `
    const { createLambda } = await import(${JSON.stringify(new URL("../../local/services/lambda.ts", import.meta.url).href)});
    const lambda = createLambda({ region: "eu-central-1", accountId: "1", clock: {}, endpoint: () => "" });
    lambda.define({ name: "quick", file: ${JSON.stringify(file)}, timeoutMs: 5000, environment: {} });
    console.log((await lambda.invoke("quick", {})).Payload);`;
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ["--import", "tsx", "--input-type=module", "--eval", program],
    { timeout: 15_000 },
  );
  expect(stdout.trim()).toBe("done");
}, 20_000);

test("stop ends running invocations, and no thread is left", async () => {
  const own = createLambda({ region: "eu-central-1", accountId: "1", clock, endpoint: () => "" });
  const file = join(directory, "forever.mjs");
  await writeFile(
    file,
    "export const handler = (event) => event.quick ? 1 : new Promise(() => setInterval(() => {}, 9e3))",
  );
  own.define({ name: "forever", file, timeoutMs: 60_000, environment: {} });
  await own.invoke("forever", { quick: true });
  expect(process.getActiveResourcesInfo()).not.toContain("MessagePort");
  const running = own.invoke("forever", {});
  await own.stop();
  expect((await running).Payload).toMatchObject({ errorType: "Runtime.ExitError" });
  await expect(own.invoke("forever", {})).rejects.toMatchObject({ name: "ServiceException" });
});
