import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { HistoryEvent } from "@aws-sdk/client-sfn";
import type { RequestKind } from "../../core/identity.ts";
import type { LabelTable, OUTCOMES } from "../../core/outcome.ts";
import type { PolicyInput } from "../../core/policies.ts";
import type { RotationInput } from "../../core/rotation-input.ts";
import type { Act } from "./acts.ts";

export const FORMAT = 1;
const FOLDER = join(import.meta.dirname, "recordings");

/** What an execution of ours says that it ended as; "ABORTED": it was stopped, and said nothing. */
export type End = (typeof OUTCOMES)[number] | "IGNORED" | "ABORTED";

/** What was so outside the execution at one instant, as far as a handler can see it. All ids are the recording's own. */
export interface Situation {
  /** Every version that has a value; without a label: []. */
  readonly labels: LabelTable;
  /** Users of the target that exist: the version whose credential signs in, and what is written on the role. */
  readonly users: Readonly<Record<string, { readonly accepts: string | null; readonly comment: string | null }>>;
  /** The version of each dependent's newest authentication, and whether it has fallen ill. */
  readonly dependents: Readonly<Record<string, { readonly versionId: string; readonly ill: boolean }>>;
}

/** What the execution was about, and who depends on it. */
export interface Subject {
  readonly policy: Omit<PolicyInput, "secretId" | "dependents">;
  /** Dependents by name. "cache" ones reload only when refreshed; `refresh` is the status that they answer instead. */
  readonly dependents: Readonly<Record<string, { readonly mode: "reload" | "cache"; readonly refresh?: number }>>;
  /** What happens outside just before a step runs for the first time. */
  readonly acts: readonly Act[];
}

export interface Recording extends Subject {
  readonly format: typeof FORMAT;
  readonly release: string;
  readonly name: string;
  /** SHA-256 of the definition that the execution ran on: `definition.json` of its release. */
  readonly definition: string;
  readonly input: RotationInput;
  readonly execution: string;
  /** What the candidate's id was derived from; absent: it is nobody's but its maker's. */
  readonly derived?: { readonly kind: RequestKind; readonly attempt: number };
  /** The name of the recording whose execution this one repairs. */
  readonly repairs?: string;
  /** SecretString of each version, with place-holders for the password, and for where the target is. */
  readonly values: Readonly<Record<string, string>>;
  /** Tasks in the order they ran: the id of their TaskScheduled, and what was so just before. */
  readonly tasks: readonly { readonly event: number; readonly situation: Situation }[];
  readonly end: { readonly outcome: End; readonly told: boolean | null; readonly situation: Situation };
  readonly history: readonly HistoryEvent[];
}

/** What all recordings of a release share. */
export interface Release {
  readonly name: string;
  /** As it was deployed: with the names of that release's functions. */
  readonly definition: string;
  /** Errors that its definition was written for. */
  readonly errors: { readonly retryable: readonly string[]; readonly terminal: readonly string[] };
  readonly recordings: readonly Recording[];
}

/** Every release that has recordings. */
export function readReleases(): readonly Release[] {
  if (!existsSync(FOLDER)) return [];
  return readdirSync(FOLDER).sort().map(readRelease);
}

export function readRelease(name: string): Release {
  const folder = join(FOLDER, name);
  const { errors, ...definition } = JSON.parse(readFileSync(join(folder, "definition.json"), "utf8")) as {
    readonly errors: Release["errors"];
  };
  const files = readdirSync(folder).filter((file) => file !== "definition.json");
  const recordings = files.sort().map((file) => readRecording(readFileSync(join(folder, file), "utf8")));
  return { name, definition: JSON.stringify(definition), errors, recordings };
}

/** @throws Error when it is of a format that this does not read */
export function readRecording(text: string): Recording {
  const recording = JSON.parse(text, (key, value) => (key === "timestamp" ? new Date(value) : value)) as Recording;
  if (recording.format !== FORMAT) throw new Error(`Format ${recording.format} of ${recording.name} is not known.`);
  return recording;
}

/** Writes what is to be kept: one line for each task and event, so that two recordings can be compared. */
export function writeRecording(recording: Recording): void {
  const { tasks, history, ...head } = recording;
  const lines = (items: readonly unknown[]) => items.map((item) => `    ${JSON.stringify(item)}`).join(",\n");
  const start = JSON.stringify(head, null, 2).replace(/\n\}$/, "");
  const text = `${start},\n  "tasks": [\n${lines(tasks)}\n  ],\n  "history": [\n${lines(history)}\n  ]\n}\n`;
  write(recording.release, recording.name, text);
}

export function writeDefinition(release: string, definition: string, errors: Release["errors"]): void {
  write(release, "definition", `${JSON.stringify({ errors, ...JSON.parse(definition) }, null, 1)}\n`);
}

/** Of the definition as it was deployed, whatever the form of its text. */
export function digestOf(definition: string): string {
  return createHash("sha256")
    .update(JSON.stringify(JSON.parse(definition)))
    .digest("hex");
}

function write(release: string, name: string, text: string): void {
  mkdirSync(join(FOLDER, release), { recursive: true });
  writeFileSync(join(FOLDER, release, `${name}.json`), text);
}
