import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseArguments } from "../../local/demo/arguments.ts";
import { commandsOf, type DocumentedCommand } from "./commands.ts";
import { isName, rotorLine } from "./rotor-line.ts";

const ROOT = join(import.meta.dirname, "../..");
const CI = readFileSync(join(ROOT, ".ci/run"), "utf8");
const { scripts } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as {
  readonly scripts: Readonly<Record<string, string>>;
};

/** The mark of blocks that need an account at AWS. */
const MARK = "aws-only";
/** What a page says that has commands for AWS: the mark is not shown. */
const AWS_ONLY = "AWS-only";
export const OPENSSL = "docs/random-value.md";
/** What is neither in .ci/run nor a command of rotor, and which test runs it. */
const TESTED: readonly { readonly test: string; readonly runs: (command: DocumentedCommand) => boolean }[] = [
  { test: "test/cli/packed.mjs", runs: ({ text }) => ["npm run pack", "npm pack"].includes(text) },
  { test: "test/docs/openssl.test.ts", runs: ({ page, words }) => page === OPENSSL && words[0] === "openssl" },
  {
    test: "test/cli/readme.test.ts",
    runs: ({ page, section, isInline }) => page === "README.md" && section === "Operate it" && !isInline,
  },
];

/** Pages that tell what to type. The changelog tells what was so then. */
export const PAGES = ["README.md", "SECURITY.md", ...documents()];

export function readPage(page: string): string {
  return readFileSync(join(ROOT, page), "utf8");
}

/** What follows `rotor`, whether it is called by its name, in a clone, or from the package. Undefined: it is another program. */
export function rotorWords(words: readonly string[]): readonly string[] | undefined {
  const called = [["rotor"], ["npm", "run", "rotor", "--"], ["npm", "run", "--silent", "rotor", "--"]];
  const own = called.find((each) => each.every((word, index) => words[index] === word));
  if (own !== undefined) return words.slice(own.length);
  return words[0] === "npx" && words[1] === "-p" && words[3] === "rotor" ? words.slice(4) : undefined;
}

/** What is wrong with a page's commands: "line: command: what". Empty: each is run by a test, or marked. */
export function wrongCommands(page: string, text: string): readonly string[] {
  return commandsOf(page, text).flatMap((command) => {
    const wrong = judge(command, text);
    return wrong === undefined ? [] : [`${command.line}: ${command.text}: ${wrong}`];
  });
}

// --- internal ---

function documents(): readonly string[] {
  return readdirSync(join(ROOT, "docs"))
    .filter((file) => file.endsWith(".md"))
    .map((file) => `docs/${file}`);
}

function judge(command: DocumentedCommand, page: string): string | undefined {
  const { words, mark, isInline } = command;
  if (mark !== undefined && mark !== MARK) return `no mark is called ${mark}`;
  const own = rotorWords(words);
  // Whether a test runs it is known when all of them have run: test/cli/docs.suite.ts.
  if (own !== undefined) return judgeRotor(own, isInline);
  const wrong = judgeOther(command);
  const isOfAws = isInline ? isForAws(words) : mark === MARK && words[0] !== "npm";
  if (wrong === undefined || !isOfAws) return wrong;
  return page.includes(AWS_ONLY) ? undefined : `the page does not say what is ${AWS_ONLY}`;
}

function isForAws([program = "", first = ""]: readonly string[]): boolean {
  return ["aws", "sst"].includes(program === "npx" ? first : program);
}

function judgeRotor(words: readonly string[], isInline: boolean): string | undefined {
  if (isInline && (words.length === 0 || isName(words))) return undefined;
  try {
    rotorLine(words);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function judgeOther(command: DocumentedCommand): string | undefined {
  const [program, ...rest] = command.words;
  if (TESTED.some(({ test, runs }) => runs(command) && isTest(test))) return undefined;
  if (program === "npm") return judgeNpm(rest);
  return isRunByCi(command.text) ? undefined : "no test runs it, and it has no mark";
}

function judgeNpm([first = "", ...rest]: readonly string[]): string | undefined {
  const [script = "", ...given] = first === "run" ? rest : [first, ...rest];
  if (!isRunByCi(first === "run" ? `npm run ${script}` : `npm ${script}`)) return "CI does not run it";
  if (script === "start") return judgeDemo(given.slice(1));
  if (!script.startsWith("test")) return given.length === 0 ? undefined : `what is ${given.join(" ")}?`;
  // What is given to a suite is for Vitest: a part of a file's name.
  const [, config] = /--config (\S+)/.exec(scripts[script] ?? "") ?? [];
  const files = given.length === 0 ? [] : readdirSync(join(ROOT, dirname(config ?? "test/all")));
  const unknown = given.filter((word) => !files.some((file) => file.includes(word)));
  return unknown.length === 0 ? undefined : `no file of the suite is called ${unknown.join(", ")}`;
}

function judgeDemo(given: readonly string[]): string | undefined {
  try {
    parseArguments([...given]);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Whether it is there, and is run: by a suite, or by itself. */
function isTest(file: string): boolean {
  return file.endsWith(".test.ts") ? existsSync(join(ROOT, file)) : isRunByCi(`node ${file}`);
}

/** Whether a line of .ci/run is that command, or begins with it. */
function isRunByCi(text: string): boolean {
  const lines = CI.split("\n").map((line) => line.replace(/^\s*(?:[A-Z_]+=\S+ )*(?:part )?/, ""));
  return lines.some((line) => line === text || line.startsWith(`${text} `));
}
