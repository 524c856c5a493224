import { open } from "node:fs/promises";
import { CliError } from "../cli-error.ts";
import { defineCommand, textOption } from "../command.ts";
import { readExecutionFile } from "../execution-file.ts";
import { EXIT } from "../exit-status.ts";

/** A run in one file, redacted: what `rotor view` opens again, and what can be given to somebody else. */
export const exportRun = defineCommand({
  usage: "export <run>",
  summary: "print one run as a file: what it means, its events and definition, without values",
  options: [{ flags: "--file <file>", description: "write it to this new file, which only you may read" }],
  examples: ["export orders/db/app > run.json", "export rot-0f3b6c1d2e4a5b6c-1f0e2d3c... --file run.json"],
  async run(session, given) {
    const here = await session.deployment();
    const { schema, ...data } = await readExecutionFile(session, here, given.args[0] ?? "");
    const path = textOption(given, "file");
    if (path === undefined) {
      session.output.result(schema, data, () => [JSON.stringify({ schema, ...data })]);
      return EXIT.done;
    }
    await writeNew(path, `${JSON.stringify({ schema, ...data })}\n`);
    session.output.say(`Run ${data.run.name} is in ${path}.`);
    return EXIT.done;
  },
});

// --- internal ---

/** @throws CliError there is such a file already, or it cannot be written */
async function writeNew(path: string, text: string): Promise<void> {
  const file = await open(path, "wx", 0o600).catch((error: NodeJS.ErrnoException) => {
    const isThere = error.code === "EEXIST";
    throw new CliError(
      EXIT.usage,
      isThere
        ? `${path} is there already. It was not changed.`
        : `${path} could not be made (${error.code}). Nothing was written.`,
      isThere ? "name another --file, or delete that one" : "name a --file in a folder that you may write to",
    );
  });
  try {
    await file.writeFile(text);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new CliError(
      EXIT.general,
      `${path} could not be written (${code}): what there is of it is not the whole.`,
      "delete it, make room, and export the run again",
    );
  } finally {
    await file.close();
  }
}
