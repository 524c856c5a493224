import { readFile } from "node:fs/promises";
import { CliError } from "../cli-error.ts";
import { defineCommand, isSet, textOption } from "../command.ts";
import { EXIT } from "../exit-status.ts";
import { buildEvent, FIXTURES, type FixtureEvent, type FixtureName } from "../fixtures.ts";
import { askFunction } from "../functions.ts";
import { override } from "../override.ts";
import { isProduction } from "../production.ts";
import { putEvent } from "../request.ts";
import { fixtureSubject } from "../subject.ts";

const NAMES = Object.keys(FIXTURES) as FixtureName[];

/** Sends one event as it would come, and says what dispatch makes of it. */
export const trigger = defineCommand({
  usage: "trigger <event>",
  summary: `send an event: ${NAMES.join(", ")}; or the file of --raw, as "raw"`,
  options: [
    { flags: "--secret <secret>", description: "the secret that it is about" },
    {
      flags: "--override <path=value...>",
      description: "set a field: detail.eventName=RotationFailed; the value is JSON, or else a text",
    },
    { flags: "--raw <file>", description: "the whole event as JSON, in place of a fixture" },
    { flags: "--dry-run", description: "print the event and send nothing" },
  ],
  examples: [
    "trigger rotation-started --secret orders/db/app --dry-run",
    "trigger rotation-failed --secret orders/db/app --override detail.errorMessage=none",
  ],
  async run(session, given) {
    const [name = ""] = given.args;
    const { output, clients } = session;
    const event = override(await read(), given.options["override"]);
    if (isSet(given, "dryRun")) {
      output.result("rotor.event/1", { event }, () => JSON.stringify(event, null, 2).split("\n"));
      return EXIT.done;
    }
    const here = await session.announce();
    if (isProduction(here)) await session.confirm(`This sends a made-up event to Rotor in ${here.stage}.`, here.stage);
    const isRequest = !event.source.startsWith("aws.");
    if (isRequest) {
      const id = await putEvent(session, here, event["detail-type"], event.detail, event.source);
      output.result("rotor.trigger/1", { sent: "bus", eventId: id }, () => [
        `event ${id} is on the bus ${here.busName}`,
      ]);
      output.say("What became of it: rotor runs, or the log of dispatch.");
      return EXIT.done;
    }
    // Nobody but AWS may put an event of its sources on a bus: dispatch is called as the rule would call it.
    const answer = await askFunction(clients.lambda, here.functionArn("dispatch"), event);
    const { decision, reason } = Object(answer) as { readonly decision?: unknown; readonly reason?: unknown };
    output.result("rotor.trigger/1", { sent: "dispatch", eventId: event.id, answer }, () => [`${decision}: ${reason}`]);
    return EXIT.done;

    async function read(): Promise<FixtureEvent> {
      const file = textOption(given, "raw");
      if (file !== undefined) return await readRaw(file);
      const build = Object.hasOwn(FIXTURES, name) ? FIXTURES[name as FixtureName] : undefined;
      if (build === undefined) {
        throw new CliError(
          EXIT.usage,
          `There is no event "${name}".`,
          `name one of ${NAMES.join(", ")}, or give --raw <file>`,
        );
      }
      return buildEvent(build, await fixtureSubject(session, textOption(given, "secret")));
    }
  },
});

async function readRaw(file: string): Promise<FixtureEvent> {
  const wrong = (why: string) =>
    new CliError(EXIT.usage, `${file} ${why}.`, "give a whole event of EventBridge as JSON");
  const text = await readFile(file, "utf8").catch(() => Promise.reject(wrong("cannot be read")));
  let event: unknown;
  try {
    event = JSON.parse(text);
  } catch {
    throw wrong("is no JSON");
  }
  const { source, "detail-type": detailType, detail } = Object(event) as Record<string, unknown>;
  if (typeof source !== "string" || typeof detailType !== "string" || Object(detail) !== detail) {
    throw wrong("has no source, detail-type or detail");
  }
  return event as FixtureEvent;
}
