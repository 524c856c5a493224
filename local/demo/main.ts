import pc from "picocolors";
import { LiveOutput } from "../../core/terminal/live-output.ts";
import { renderDuration } from "../../core/terminal/run-text.ts";
import { type DemoArguments, parseArguments, USAGE, UsageError } from "./arguments.ts";
import { serveDatabaseFault } from "./database-fault.ts";
import { renderPaste } from "./paste.ts";
import { type Stage, tell } from "./story.ts";
import { startView } from "./view.ts";
import { BILLING, ORDERS, startWorld, type World } from "./world.ts";

/** As the AWS CLI answers a command line that it cannot parse. */
const USAGE_STATUS = 252;
const SIGNALS = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;
const WATCH_MS = 500;

/** Runs the demo, and ends this process with the status that says how it went. */
export async function main(argv: readonly string[]): Promise<void> {
  try {
    const options = parseArguments(argv);
    if (options.help) process.stdout.write(USAGE);
    process.exit(options.help ? 0 : await run(options));
  } catch (error) {
    process.stderr.write(`${sentenceOf(error)}\n${error instanceof UsageError ? `\n${USAGE}` : ""}`);
    process.exit(error instanceof UsageError ? USAGE_STATUS : 1);
  }
}

async function run({ keep, port }: DemoArguments): Promise<number> {
  const startedAt = performance.now();
  const output = new LiveOutput(process.stdout);
  const end = endSignal();
  let world: World | undefined;
  let ended = false;
  try {
    output.append("Starting an AWS account, a PostgreSQL and three services on this machine ...");
    world = await startWorld({ ...(port === undefined ? {} : { port }), signal: end.signal });
    output.append(
      pc.dim(`account ${world.account.endpoint}, PostgreSQL ${world.database.host}:${world.database.port}`),
    );
    const status = await perform({ world, output, colors: pc, signal: end.signal }, startedAt);
    ended = true;
    if (!keep) return status;
    await leaveRunning(world, output, end.signal);
    return status;
  } catch (error) {
    // What fails because the demo was ended is no failure of its own.
    if (!end.signal.aborted) throw error;
    return ended ? 0 : end.status();
  } finally {
    output.show([]);
    await world?.[Symbol.asyncDispose]();
  }
}

async function perform(stage: Stage, startedAt: number): Promise<number> {
  const { output, colors } = stage;
  const expectations = await tell(stage);
  const took = renderDuration(performance.now() - startedAt);
  const { failed, total } = expectations;
  if (failed.length === 0) {
    output.append("", colors.green(`All ${total} expectations hold. It took ${took}.`));
    return 0;
  }
  output.append(
    "",
    colors.red(`${failed.length} of ${total} expectations do not hold:`),
    ...failed.map((what) => `  ${what}`),
  );
  return 1;
}

async function leaveRunning(world: World, output: LiveOutput, signal: AbortSignal): Promise<void> {
  await Promise.all(world.dependents.map((each) => each.answerRefreshesWith(null)));
  await using database = await serveDatabaseFault(world);
  await using view = await startView(world.account.environment);
  signal.throwIfAborted();
  const { url: serviceUrl = "" } = world.dependents.find(({ name }) => name === BILLING) ?? {};
  const { account, deployment } = world;
  output.append(
    "",
    `Everything is left running, and ${BILLING} is healthy again. In a browser, each step of it, live:`,
    "",
    view.url,
    "",
    "In another terminal, in this folder:",
    "",
  );
  output.append(
    ...renderPaste({ account, deployment, secretId: ORDERS, serviceUrl, databaseUrl: database.url }),
    "",
    "Ctrl-C ends it.",
  );
  await new Promise((resolve) => {
    const timer = setInterval(() => {}, 60_000);
    signal.addEventListener("abort", () => resolve(clearInterval(timer)), { once: true });
    if (signal.aborted) resolve(clearInterval(timer));
  });
}

/** Aborts once the demo has to end: a signal, a reader that is gone, or npm that is. A second signal ends it at once. */
function endSignal(): { readonly signal: AbortSignal; status(): number } {
  const controller = new AbortController();
  let status = 1;
  const end = (with_: number) => {
    status = with_;
    controller.abort();
  };
  for (const [name, code] of Object.entries(SIGNALS)) {
    process.on(name, () => {
      if (controller.signal.aborted) process.exit(code);
      end(code);
    });
  }
  process.stdout.on("error", () => end(1));
  const { ppid } = process;
  if (process.env["npm_lifecycle_event"] !== undefined) {
    setInterval(() => process.ppid !== ppid && end(SIGNALS.SIGHUP), WATCH_MS).unref();
  }
  return { signal: controller.signal, status: () => status };
}

/** Errors of ours are sentences. A fault in the program is not expected, and comes with where it happened. */
function sentenceOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const isFault = ["TypeError", "ReferenceError", "RangeError", "SyntaxError"].includes(error.name);
  return isFault ? (error.stack ?? error.message) : error.message;
}
