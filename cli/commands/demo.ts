import type { main } from "../../local/demo/main.ts";
import { defineCommand, isSet, textOption } from "../command.ts";
import { EXIT } from "../exit-status.ts";
import { loadSource } from "../sources.ts";

/** The demo of `npm start`. */
export const demo = defineCommand({
  usage: "demo",
  summary: "rotate two real passwords on this machine, break a service, and watch the rollback",
  options: [
    { flags: "--keep", description: "leave everything running, and print how to use it" },
    { flags: "--port <port>", description: "the account's port (default: any free one)" },
  ],
  examples: ["demo", "demo --keep --port 4566"],
  async run(_session, given) {
    const port = textOption(given, "port");
    const source = await loadSource<{ readonly main: typeof main }>("local/demo/main.ts");
    // It ends this process itself.
    await source.main([...(isSet(given, "keep") ? ["--keep"] : []), ...(port === undefined ? [] : ["--port", port])]);
    return EXIT.done;
  },
});
