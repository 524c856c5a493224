/**
 * The inside of a thread of Lambda environments, one after the other: loads a handler, runs one invocation at a time, and reports as
 * AWS's Node runtime does. Messages are strings and plain records only, so nothing is shared with the account.
 */
import { pathToFileURL } from "node:url";
import { format } from "node:util";
import { isNativeError } from "node:util/types";
import { isMainThread, parentPort, workerData } from "node:worker_threads";
import { evaluate, keepCompiled } from "./lambda-code.mjs";

if (isMainThread || parentPort === null) throw new Error("lambda-worker.mjs runs as a worker thread only");
const account = parentPort;
/** What every thread has, so that what a function has put there shows. Node's own fetch keeps its dispatcher there. */
const globals = new Set([...Reflect.ownKeys(globalThis), Symbol.for("undici.globalDispatcher.1")]);

/** The environment that is here now. */
let place;
let handler;
/** Id of the running invocation; undefined between two. */
let requestId;

for (const stream of ["stdout", "stderr"]) {
  // Written to the account's own channel: the lines stay in order with the results, also when this thread is terminated.
  process[stream].write = (chunk, encodingOrCallback, callback) => {
    const text = typeof chunk === "string" ? chunk : Buffer.from(chunk).toString("utf8");
    account.postMessage({ type: "log", stream, text });
    const done = typeof encodingOrCallback === "function" ? encodingOrCallback : callback;
    if (done) process.nextTick(done);
    return true;
  };
}

process.on("uncaughtException", (error) => die(describe(error)));
process.on("unhandledRejection", (reason) =>
  die({ ...describe(reason), errorType: "Runtime.UnhandledPromiseRejection", errorMessage: format("%s", reason) }),
);

account.on("message", (message) => {
  if (message.type === "begin") void begin(message);
  else if (message.type === "run") void run(message);
  else end();
});

async function begin({ file, variables, data, ...message }) {
  place = { ...message.place, file };
  for (const name of Object.keys(process.env)) delete process.env[name];
  Object.assign(process.env, variables);
  workerData.config = data;
  try {
    handler = (isReusable(file) ? evaluate(file) : await import(pathToFileURL(file).href)).handler;
  } catch (error) {
    print("Uncaught Exception", error);
    die(describe(error));
    return;
  }
  if (typeof handler === "function") account.postMessage({ type: "ready" });
  else {
    const errorMessage = "index.handler is undefined or not exported";
    die({ errorType: "Runtime.HandlerNotFound", errorMessage, trace: [] });
  }
}

/** Says whether the environment has left nothing: no timer, no connection in use, no global variable that stays. */
function end() {
  const empty =
    isReusable(place.file) &&
    process.getActiveResourcesInfo().every((resource) => resource === "MessagePort") &&
    Reflect.ownKeys(globalThis).every((key) => globals.has(key) || Reflect.deleteProperty(globalThis, key));
  handler = undefined;
  if (empty) keepCompiled(place.file);
  account.postMessage({ type: "ended", empty });
}

function isReusable(file) {
  return file.endsWith(".cjs");
}

async function run(invocation) {
  const { functionName, invokedFunctionArn, memoryMegabytes } = place;
  requestId = invocation.requestId;
  const deadline = Date.now() + invocation.timeoutMs;
  const context = {
    awsRequestId: requestId,
    callbackWaitsForEmptyEventLoop: true,
    functionName,
    functionVersion: "$LATEST",
    invokedFunctionArn,
    memoryLimitInMB: String(memoryMegabytes),
    logGroupName: `/aws/lambda/${functionName}`,
    logStreamName: "local",
    getRemainingTimeInMillis: () => Math.max(0, deadline - Date.now()),
  };
  let reply;
  try {
    reply = { type: "result", json: serialise(await handler(JSON.parse(invocation.payload), context)) };
  } catch (error) {
    print("Invoke Error", error);
    reply = { type: "error", error: describe(error) };
  }
  requestId = undefined;
  account.postMessage(reply);
}

function serialise(value) {
  try {
    return JSON.stringify(value === undefined ? null : value) ?? "null";
  } catch {
    throw new Error("Unable to stringify response body");
  }
}

/** What Invoke answers for a thrown value. `cause` and other properties are not part of it. */
function describe(error) {
  if (isNativeError(error)) {
    return { errorType: error.name, errorMessage: error.message, trace: String(error.stack ?? "").split("\n") };
  }
  return { errorType: typeof error, errorMessage: String(error), trace: [] };
}

/** The runtime's own log line. It carries the error's enumerable properties, so a driver's `err.sql` lands in the log. */
function print(title, error) {
  const detail = isNativeError(error)
    ? { errorType: error.name, errorMessage: error.message, ...error, stack: String(error.stack ?? "").split("\n") }
    : error;
  let text;
  try {
    text = JSON.stringify(detail);
  } catch {
    text = format("%s", error);
  }
  process.stderr.write(`${new Date().toISOString()}\t${requestId ?? "undefined"}\tERROR\t${title}\t${text}\n`);
}

function die(error) {
  account.postMessage({ type: "died", error });
  process.exit(1);
}
