import { objectOf } from "../model/payload.ts";
import type { ExecutionFile } from "../wire.ts";

/** Larger files are of something else, in characters. */
const MOST = 300_000_000;

/** What was exported. @throws Error with one sentence: it is not such a file */
export function readFile(text: string): ExecutionFile {
  if (text.length > MOST) throw new Error("it is too large to be an exported run");
  const value = parse(text);
  if (value["schema"] !== "rotor.execution/1")
    throw new Error(`its schema is ${String(value["schema"])}, not rotor.execution/1`);
  const { run, events, place, verdict, readAt } = value;
  const { name, arn, status, outcome, secret } = objectOf(run);
  const texts = { "run.name": name, "run.arn": arn, "run.status": status, "run.outcome": outcome, verdict, readAt };
  const wrong = Object.entries({ ...texts, "run.secret.name": objectOf(secret)["name"] }).find(
    ([, each]) => typeof each !== "string",
  );
  if (wrong !== undefined) throw new Error(`its ${wrong[0]} is no text`);
  if (typeof place !== "object" || place === null) throw new Error("its place is missing");
  if (!Array.isArray(events) || !events.every(isEvent)) throw new Error("its events are not those of an execution");
  // Nothing can be asked for from a file.
  return { ...(value as unknown as ExecutionFile), actions: [] };
}

// --- internal ---

function parse(text: string): Readonly<Record<string, unknown>> {
  try {
    return objectOf(JSON.parse(text));
  } catch {
    throw new Error("it is no JSON");
  }
}

function isEvent(value: unknown): boolean {
  const { id, type, timestamp } = objectOf(value);
  return typeof id === "number" && typeof type === "string" && typeof timestamp === "string";
}
