import { fileURLToPath } from "node:url";
import { z } from "zod";
import { startProgram } from "./program.ts";

const PROGRAM = fileURLToPath(new URL("../../cli/start.mjs", import.meta.url));
const END_WITH_PARENT = new URL("end-with-parent.mjs", import.meta.url).href;
const START_MS = 60_000;

const document = z.looseObject({ url: z.url() });

/** The page of an account, served by a process of its own. */
export interface View extends AsyncDisposable {
  /** "http://127.0.0.1:<port>/<token>/" */
  readonly url: string;
}

/**
 * Serves the page as `rotor view` does. It ends when it is disposed, and with this process, however that ends.
 * @throws Error that says what it wrote, when it ends instead, or says nothing in time
 */
export async function startView(environment: Readonly<Record<string, string>>): Promise<View> {
  const { PATH = "", HOME = "", TMPDIR = "" } = process.env;
  const argv = ["--import", END_WITH_PARENT, PROGRAM, "view", "--output", "ndjson", "--quiet"];
  const env = { PATH, HOME, ...(TMPDIR === "" ? {} : { TMPDIR }), ...environment };
  const program = await startProgram({ what: "The view", argv, env, startMs: START_MS }, (said) =>
    document.parse(said),
  );
  return { url: program.said.url, [Symbol.asyncDispose]: () => program[Symbol.asyncDispose]() };
}
