import type { Secret } from "../core/versions/secret.ts";
import { type CommandOption, type Given, isSet, textOption } from "./command.ts";
import type { Deployment } from "./deployment.ts";
import { EXIT, type ExitStatus } from "./exit-status.ts";
import { readSeconds } from "./given.ts";
import type { Session } from "./session.ts";
import { awaitRun, type Watching, watchRun } from "./watching.ts";

export const WAIT_OPTIONS: readonly CommandOption[] = [
  { flags: "--wait", description: "follow it to its end; the status says how it ended" },
  { flags: "--timeout <seconds>", description: "with --wait: how long (status 124 then); default: to the end" },
];

/** How long it may take from an event to its execution, in ms: a young event that reads contradict is looked at again a minute later. */
const START_MS = 90_000;

/** A run that was asked for. */
export interface Asked extends Pick<Watching, "show" | "goesOnSince"> {
  readonly secret: Pick<Secret, "name" | "arn">;
  readonly executionName: string;
  /** How long it may take until it begins, in ms. */
  readonly startsWithinMs?: number;
  /** Since when --timeout counts, in ms: of a command that follows two runs it is the time of both. Default: now. */
  readonly begunMs?: number;
}

/** What was asked for: with --wait to its end, else how to look at it. */
export async function follow(
  session: Session,
  deployment: Deployment,
  given: Given,
  { secret, executionName, startsWithinMs = START_MS, begunMs = Date.now(), show, goesOnSince }: Asked,
): Promise<ExitStatus> {
  const timeoutMs = readSeconds(textOption(given, "timeout"), "--timeout");
  const { output } = session;
  if (!isSet(given, "wait")) {
    const document = { secret: { name: secret.name, arn: secret.arn }, run: executionName };
    output.result("rotor.request/1", document, () => [executionName]);
    output.say(`To follow it: rotor watch ${executionName}`);
    return EXIT.done;
  }
  session.partsWith(() => `Detached: what was asked for goes on. To come back: rotor watch ${executionName}`);
  const askedMs = Date.now();
  const leftMs = () => (timeoutMs === undefined ? Number.POSITIVE_INFINITY : begunMs + timeoutMs - Date.now());
  const name = await awaitRun(session, deployment, executionName, Math.min(startsWithinMs, leftMs()));
  if (name !== undefined) return await watchRun(session, deployment, name, { timeoutMs: leftMs(), show, goesOnSince });
  output.warn(
    `Run ${executionName} was not seen within ${Math.round((Date.now() - askedMs) / 1000)} s. It may still begin. To come back: rotor watch ${executionName}`,
    "  to do: see whether a notification says that it was refused (rotation.incident.request_refused), or the log of dispatch",
  );
  return EXIT.timedOut;
}
