import { CommanderError } from "commander";
import { printable } from "../core/terminal/printable.ts";
import { explain } from "./cli-error.ts";
import { COMMANDS } from "./commands/index.ts";
import { EXIT } from "./exit-status.ts";
import { Interruption } from "./interruption.ts";
import { createProgram } from "./program.ts";
import { openSession } from "./session.ts";

const SIGNALS = { SIGHUP: EXIT.hungUp, SIGINT: EXIT.interrupted, SIGTERM: EXIT.terminated } as const;

/** Does what the command line asks for, and ends this process with the status that says how it went (`exit-status.ts`). */
export async function main(argv: readonly string[]): Promise<void> {
  let hasEnded = false;
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    process.exit(unwritten(error, hasEnded ? (signalled ?? process.exitCode) : undefined));
  });
  // What is only said besides need not be read: the work goes on.
  process.stderr.on("error", () => {});
  const interruption = new Interruption();
  let signalled: number | undefined;
  for (const [name, status] of Object.entries(SIGNALS)) {
    process.on(name, () => {
      if (signalled !== undefined) process.exit(status);
      signalled = status;
      interruption.interrupt();
      if (interruption.isWaiting) {
        process.stderr.write("rotor: Interrupted: AWS has not answered yet what was sent. Once more leaves at once.\n");
      }
    });
  }
  const program = createProgram(COMMANDS, async (command, given, options) => {
    const session = openSession(options, interruption);
    process.exitCode = await Promise.race([command.run(session, given), interruption.halted]);
  });
  try {
    await program.parseAsync([...argv], { from: "user" });
  } catch (error) {
    process.exitCode = failed(error);
  }
  hasEnded = true;
  await flushed();
  process.exit(signalled ?? process.exitCode);
}

// --- internal ---

/**
 * The status where standard output takes no more. A reader that has seen enough, such as head(1), is no fault; a disk that is full is.
 * @param ended the status of the work; undefined: it has not ended
 */
function unwritten({ code = "no reason given" }: NodeJS.ErrnoException, ended: number | string | undefined) {
  if (code === "EPIPE") return ended ?? EXIT.closedPipe;
  process.stderr.write(`rotor: The result could not be written (${code}): what there is of it is not the whole.\n`);
  return EXIT.general;
}

/** Says what has failed. Of the command line commander has said it. */
function failed(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
  const { exit, message, todo, runbook } = explain(error);
  const lines = [`rotor: ${message}`, ...(todo === undefined ? [] : [`  to do: ${todo}`])];
  const text = [...lines, ...(runbook === undefined ? [] : [`  runbook: ${runbook}`]), ""].join("\n");
  process.stderr.write(printable(text, { colors: false }));
  return exit;
}

/** process.exit cuts off what a pipe has not taken yet, and comes before a stream has told that it took nothing. */
async function flushed(): Promise<void> {
  for (const stream of [process.stdout, process.stderr]) {
    if (stream.writableLength > 0) await new Promise((resolve) => stream.once("drain", resolve));
  }
  await new Promise((resolve) => setImmediate(resolve));
}
