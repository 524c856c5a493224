import { Command as Commander, Option } from "commander";
import { RELEASE } from "../core/blueprint.ts";
import type { Command, Given } from "./command.ts";
import { checkName } from "./given.ts";
import { FORMATS } from "./output.ts";
import type { GlobalOptions } from "./session.ts";

const ABOUT = `Rotates the secrets of AWS Secrets Manager, proves it, or takes it back and proves that.

Every command speaks to AWS alone: to the account of your credentials, or to an
embedded account by --endpoint-url or AWS_ENDPOINT_URL.`;

const EXITS = `
Exit statuses:
  0    done; the rotation succeeded       6    new credential live, not seen everywhere
  3    refused, nothing was changed       7    plan or doctor found what is in the way
  4    rolled back, old credential live   124  waited long enough; it goes on, or may begin
  5    act now: the rollback failed       130  Ctrl-C; what was watched goes on
  252  command line    253  credentials, Region, configuration    254  AWS    255  fault of rotor

docs/cli.md has examples of each command.`;

/** Does what one command line asks for. @param perform runs the command; its options include the global ones */
export function createProgram(
  commands: readonly Command[],
  perform: (command: Command, given: Given, options: GlobalOptions) => Promise<void>,
): Commander {
  const program = new Commander("rotor")
    .description(ABOUT)
    .version(RELEASE, "-V, --version", "print the version")
    .helpOption("-h, --help", "print help")
    .addHelpText("after", EXITS)
    .exitOverride();
  for (const option of globalOptions()) program.addOption(option);
  for (const command of commands) add(program, command, perform);
  return program;
}

// --- internal ---

function globalOptions(): readonly Option[] {
  return [
    new Option("--profile <name>", "profile of the AWS configuration (AWS_PROFILE)"),
    new Option("--region <region>", "Region (AWS_REGION)"),
    new Option("--endpoint-url <url>", "where the account answers, if not at AWS (AWS_ENDPOINT_URL)"),
    new Option("--app <name>", "the app's name in sst.config.ts").default("rotor"),
    new Option("--stage <stage>", "the stage, where there are several").env("ROTOR_STAGE"),
    new Option("--output <format>", "how the result is printed").choices([...FORMATS]).default("table"),
    new Option("--no-color", "print no colours (NO_COLOR)"),
    new Option("--quiet", "print the result only").default(false),
    new Option("--debug", "print each call of AWS, without what was sent").default(false),
    new Option("--confirm <name>", "the secret's name, in place of typing it where something severe is asked for"),
  ];
}

function add(
  program: Commander,
  command: Command,
  perform: (command: Command, given: Given, options: GlobalOptions) => Promise<void>,
): void {
  const [first = "", ...rest] = command.usage.split(" ");
  const isGrouped = rest[0] !== undefined && /^[a-z]/.test(rest[0]);
  const parent = isGrouped ? groupOf(program, first) : program;
  const added = parent
    .command((isGrouped ? rest : [first, ...rest]).join(" "))
    .description(command.summary)
    .addHelpText("after", `\nExamples:\n${command.examples.map((each) => `  rotor ${each}`).join("\n")}`);
  for (const { flags, description, default: value, choices } of command.options ?? []) {
    const option = new Option(flags, description);
    if (value !== undefined) option.default(value);
    if (choices !== undefined) option.choices([...choices]);
    added.addOption(option);
  }
  added.action(async () => {
    const options = added.optsWithGlobals<GlobalOptions & Record<string, unknown>>();
    const named = /[<[](secret|run)[>\]]/.test(command.usage) ? added.args : [];
    for (const name of [...named, options["secret"]]) if (typeof name === "string") checkName(name);
    await perform(command, { args: added.args, options }, options);
  });
}

function groupOf(program: Commander, name: string): Commander {
  return program.commands.find((each) => each.name() === name) ?? program.command(name);
}
