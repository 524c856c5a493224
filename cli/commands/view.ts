import { pageFiles } from "../../view/page-files.ts";
import { serveView } from "../../view/server.ts";
import type { ViewSource } from "../../view/source.ts";
import { CliError } from "../cli-error.ts";
import { defineCommand, isSet, textOption } from "../command.ts";
import { EXIT } from "../exit-status.ts";
import { readCount } from "../given.ts";
import { openBrowser } from "../open-browser.ts";
import { findRun } from "../runs.ts";
import type { Session } from "../session.ts";
import { fileSource } from "../view-file.ts";
import { viewSource } from "../view-source.ts";

/** Secrets and runs in a browser, step by step, live. */
export const view = defineCommand({
  usage: "view [run]",
  summary: "serve a page of secrets and runs, step by step and live, to this machine, until Ctrl-C",
  options: [
    { flags: "--port <port>", description: "its port (default: any free one)" },
    { flags: "--read-only", description: "offer no actions, and try no rights" },
    { flags: "--file <file>", description: "show the run of an exported file; AWS is asked nothing" },
    { flags: "--open", description: "open it in the browser" },
  ],
  examples: ["view", "view orders/db/app --read-only --open", "view --file rot-0f3b6c1d2e4a5b6c-1f0e.json"],
  async run(session, given) {
    const { output, signal } = session;
    const port = readCount(textOption(given, "port"), "--port", 65_535);
    const [token, file] = [tokenOf(process.env[TOKEN]), textOption(given, "file")];
    const [reference] = given.args;
    if (file !== undefined && reference !== undefined)
      throw new CliError(EXIT.usage, "A file has one run, which is shown: give --file, or a run.");
    const { source, run } =
      file === undefined ? await ofAccount(session, reference, isSet(given, "readOnly")) : await fileSource(file);
    const served = await serveView({ source, page: await pageFiles(), port, token, signal }).catch((error: unknown) => {
      const { name, message } = Object(error) as Partial<Error>;
      throw name === "PortInUse" ? new CliError(EXIT.environment, message ?? "") : error;
    });
    const url = `${served.url}${run === undefined ? "" : `runs/${run}`}`;
    output.result("rotor.view/1", { url, port: served.port }, () => [url]);
    if (isSet(given, "open") && !(await openBrowser(url)))
      output.warn("No browser could be asked to open it: open the address yourself.");
    output.say("Whoever has the address sees what you may see, and asks for what you may. Ctrl-C ends it.");
    session.partsWith(() => ENDED);
    await served.ended;
    throw new CliError(EXIT.interrupted, ENDED);
  },
});

// --- internal ---

const TOKEN = "ROTOR_VIEW_TOKEN";
const ENDED = "The view has ended. What was asked for goes on.";

interface Shown {
  readonly source: ViewSource;
  /** The run whose page is the first. */
  readonly run: string | undefined;
}

async function ofAccount(session: Session, reference: string | undefined, isReadOnly: boolean): Promise<Shown> {
  const here = await session.announce();
  const run = reference === undefined ? undefined : (await findRun(session.clients, here, reference)).execution.name;
  return { source: await viewSource(session, isReadOnly), run };
}

/** Of the environment: so that a server that is started again goes on with the pages that are open. */
function tokenOf(text: string | undefined): string | undefined {
  if (text === undefined || text === "") return undefined;
  if (/^[\w-]{32,256}$/.test(text)) return text;
  throw new CliError(
    EXIT.usage,
    `${TOKEN} is no token: it must have at least 32 characters of A-Z, a-z, 0-9, "-" and "_".`,
    "leave it out, or make one: openssl rand -hex 32",
  );
}
