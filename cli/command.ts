import type { ExitStatus } from "./exit-status.ts";
import type { Session } from "./session.ts";

export interface CommandOption {
  /** As commander reads them: "--wait", "--limit <number>". */
  readonly flags: string;
  readonly description: string;
  readonly default?: string | boolean;
  readonly choices?: readonly string[];
}

/** What the command line says: arguments by position, options by their long name in camel case. */
export interface Given {
  readonly args: readonly string[];
  readonly options: Readonly<Record<string, unknown>>;
}

/** One command of the CLI: one file, and one line in `commands/index.ts`. */
export interface Command {
  /** With its arguments: "show <run>". A second word makes it a command of a group: "notify test". */
  readonly usage: string;
  readonly summary: string;
  readonly options?: readonly CommandOption[];
  /** Command lines, without "rotor". */
  readonly examples: readonly string[];
  /** @throws CliError, RotationError, and errors of the SDK: `explain` says what each means */
  run(session: Session, given: Given): Promise<ExitStatus>;
}

/** Checks the command, and types it. */
export function defineCommand(command: Command): Command {
  return command;
}

export function textOption({ options }: Given, name: string): string | undefined {
  const value = options[name];
  return typeof value === "string" ? value : undefined;
}

export function isSet({ options }: Given, name: string): boolean {
  return options[name] === true;
}
