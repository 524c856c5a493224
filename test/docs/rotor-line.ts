import { type Command as Commander, CommanderError } from "commander";
import type { Command, Given } from "../../cli/command.ts";
import { COMMANDS } from "../../cli/commands/index.ts";
import { FIXTURES } from "../../cli/fixtures.ts";
import { FORMATS } from "../../cli/output.ts";
import { createProgram } from "../../cli/program.ts";

/** What of a command line decides what `rotor` does. */
export interface RotorLine {
  /** "notify test" */
  readonly command: string;
  /** The command, the kind of each argument, and each option that is given, with its value where there is a choice of them. */
  readonly shape: string;
}

/**
 * Reads a command line as `rotor` itself does.
 *
 * @param words what follows "rotor"
 * @throws CommanderError, as `rotor` refuses the line: no such command, no such option, an argument that is missing
 */
export function rotorLine(words: readonly string[]): RotorLine {
  const asked = read(words.map((word) => instanceOf(word.replace(/^(["'])(.*)\1$/, "$2"))));
  if (asked === "help") return { command: "", shape: words.join(" ") };
  const { command, given } = asked;
  const name = nameOf(command);
  const plain = read([...name.split(" "), ...given.args]);
  const defaults = plain === "help" ? {} : plain.given.options;
  const options = Object.entries(given.options)
    // In place of typing the name, which nobody can who is no terminal.
    .filter(([option, value]) => option !== "confirm" && value !== defaults[option])
    .map(([option, value]) => `${option}${hasChoice(command, value) ? `=${value}` : ""}`);
  return { command: name, shape: [name, ...given.args.map(kindOf), ...options.sort()].join(" ") };
}

/** Whether the words are no more than the name of a command, as a sentence tells of it. */
export function isName(words: readonly string[]): boolean {
  return COMMANDS.some((command) => nameOf(command) === words.join(" "));
}

// --- internal ---

type Asked = { readonly command: Command; readonly given: Given };

function read(words: readonly string[]): Asked | "help" {
  let asked: Asked | undefined;
  const program = createProgram(COMMANDS, async (command, given) => {
    asked = { command, given };
  });
  silence(program);
  try {
    program.parse([...words], { from: "user" });
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return "help";
    throw error;
  }
  if (asked === undefined) throw new Error(`rotor ${words.join(" ")} asks for nothing.`);
  return asked;
}

/** What `rotor` takes in a placeholder's place: it refuses what can be nothing's name. */
function instanceOf(word: string): string {
  if (word === "<run>") return "rot-of-the-docs";
  return /^<.*>$/.test(word) && word !== "<event>" ? "of-the-docs" : word;
}

function silence(program: Commander): void {
  program.configureOutput({ writeOut: () => {}, writeErr: () => {} });
  for (const each of program.commands) silence(each);
}

function nameOf({ usage }: Command): string {
  return usage.replace(/ [<[].*$/, "");
}

function hasChoice({ options = [] }: Command, value: unknown): boolean {
  const choices: readonly unknown[] = [...FORMATS, ...options.flatMap((each) => each.choices ?? [])];
  return choices.includes(value);
}

/** By what it looks like: a run's name or ARN, the name of an event. Else it is a secret. */
function kindOf(word: string): string {
  if (/^rot-|^arn:[^:]*:states:/.test(word)) return "<run>";
  if (word === "<event>" || Object.hasOwn(FIXTURES, word)) return "<event>";
  return "<secret>";
}
