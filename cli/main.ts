import { CommanderError } from "commander";
import { printable } from "../core/terminal/printable.ts";
import { explain } from "./cli-error.ts";
import { COMMANDS } from "./commands/index.ts";
import { EXIT } from "./exit-status.ts";
import { createProgram } from "./program.ts";
import { openSession } from "./session.ts";

const SIGNALS = { SIGHUP: 129, SIGINT: EXIT.interrupted, SIGTERM: 143 } as const;

/** Does what the command line asks for, and ends this process with the status that says how it went (`exit-status.ts`). */
export async function main(argv: readonly string[]): Promise<void> {
  // A reader that has seen enough, such as head(1), is no fault.
  process.stdout.on("error", () => process.exit(EXIT.done));
  const ended = new AbortController();
  let signalled: number | undefined;
  for (const [name, status] of Object.entries(SIGNALS)) {
    process.on(name, () => {
      if (signalled !== undefined) process.exit(status);
      signalled = status;
      ended.abort();
    });
  }
  const program = createProgram(COMMANDS, async (command, given, options) => {
    const session = openSession(options, ended.signal);
    try {
      process.exitCode = await command.run(session, given);
    } catch (error) {
      if (!ended.signal.aborted) throw error;
    }
  });
  try {
    await program.parseAsync([...argv], { from: "user" });
  } catch (error) {
    process.exitCode = failed(error);
  }
  await flushed();
  process.exit(signalled ?? process.exitCode);
}

// --- internal ---

/** Says what has failed. Of the command line commander has said it. */
function failed(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
  const { exit, message, todo, runbook } = explain(error);
  const lines = [`rotor: ${message}`, ...(todo === undefined ? [] : [`  to do: ${todo}`])];
  const text = [...lines, ...(runbook === undefined ? [] : [`  runbook: ${runbook}`]), ""].join("\n");
  process.stderr.write(printable(text, { colors: false }));
  return exit;
}

/** process.exit cuts off what a pipe has not taken yet. */
async function flushed(): Promise<void> {
  for (const stream of [process.stdout, process.stderr]) {
    if (stream.writableLength > 0) await new Promise((resolve) => stream.once("drain", resolve));
  }
}
