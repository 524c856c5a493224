import type { serveAccount } from "../../local/serve.ts";
import { CliError } from "../cli-error.ts";
import { defineCommand, textOption } from "../command.ts";
import { EXIT } from "../exit-status.ts";
import { readCount } from "../given.ts";
import { loadSource } from "../sources.ts";

/** An AWS account on this machine with Rotor deployed in it. */
export const local = defineCommand({
  usage: "local",
  summary: "serve an AWS account on this machine with Rotor deployed in it, until Ctrl-C",
  options: [
    { flags: "--port <port>", description: "its port (default: any free one)" },
    { flags: "--journal <directory>", description: "keep its state there, values of secrets in plain text among it" },
    { flags: "--config <file>", description: "the policies to deploy, such as rotation.config.ts (default: none)" },
  ],
  examples: [
    "local --port 4566",
    "local --port 4566 --config rotation.config.ts --journal .rotor-local",
    "local --stage production --config rotation.config.ts",
  ],
  async run({ output, signal }, given) {
    const port = readCount(textOption(given, "port"), "--port", 65_535);
    const [journal, config] = [textOption(given, "journal"), textOption(given, "config")];
    // Of the options that every command has.
    const [app = "", stage] = [textOption(given, "app"), textOption(given, "stage")];
    const { serveAccount: serve } = await loadSource<{ readonly serveAccount: typeof serveAccount }>("local/serve.ts");
    const ready = (environment: Readonly<Record<string, string>>) => {
      output.result("rotor.local/1", { environment }, () =>
        Object.entries(environment).map(([name, value]) => `export ${name}=${value}`),
      );
      output.say("In another terminal: paste these lines, then rotor secrets --all. Ctrl-C ends it.");
    };
    await serve(
      { port, journal, config, stage: stage === undefined ? undefined : { app, stage } },
      ready,
      signal,
    ).catch((error: unknown) => {
      // What it says is one sentence; a fault of the program comes with where it happened.
      const isFault = error instanceof TypeError || error instanceof ReferenceError;
      throw error instanceof Error && !isFault ? new CliError(EXIT.environment, error.message) : error;
    });
    return EXIT.interrupted;
  },
});
