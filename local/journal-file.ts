import { appendFileSync, closeSync, existsSync, fsyncSync, openSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Place } from "./services/service.ts";

/** An entity as it is from now on, or, without a value, its end. */
export type Change = readonly [kind: string, key: string, value?: unknown];

const FORMAT = "rotor-local-journal";
const VERSION = 1;

/**
 * What counts of the journal in a directory, in the order in which its entities came into being. A last line without its end is
 * what the process was writing when it was killed: it is left out.
 * @throws Error "JournalRefused"
 */
export function readChanges(directory: string, place: Place): readonly Change[] {
  const file = fileIn(directory);
  if (!existsSync(file)) return [];
  const [header = "", ...lines] = readFileSync(file, "utf8").split("\n").slice(0, -1);
  checkHeader(file, header, place);
  const living = new Map<string, Change>();
  for (const [index, line] of lines.entries()) {
    for (const change of changesIn(line) ?? damaged(file, index + 2)) {
      const [kind, key] = change;
      if (change.length === 3) living.set(`${kind} ${key}`, change);
      else living.delete(`${kind} ${key}`);
    }
  }
  return [...living.values()];
}

/** Puts a new file, which only its owner may read, in the place of the old one, whole or not at all. Returns it, open. */
export function compacted(directory: string, { region, accountId }: Place, changes: readonly Change[]): number {
  const unfinished = `${fileIn(directory)}.new`;
  rmSync(unfinished, { force: true });
  const file = openSync(unfinished, "ax", 0o600);
  try {
    appendFileSync(file, `${JSON.stringify({ format: FORMAT, version: VERSION, region, accountId })}\n`);
    for (const change of changes) appendLine(file, [change]);
    fsyncSync(file);
    renameSync(unfinished, fileIn(directory));
    return file;
  } catch (error) {
    closeSync(file);
    throw error;
  }
}

/** One line holds what is kept as a whole. */
export function appendLine(file: number, changes: readonly Change[]): void {
  appendFileSync(file, `${JSON.stringify(changes, mapsAsEntries)}\n`);
}

/** @throws Error "JournalRefused", always */
export function refuseJournal(message: string): never {
  const error = new Error(message);
  error.name = "JournalRefused";
  throw error;
}

// --- internal ---

function fileIn(directory: string): string {
  return join(directory, "journal.jsonl");
}

function checkHeader(file: string, line: string, { region, accountId }: Place): void {
  const header = parsed(line);
  if (header?.["format"] !== FORMAT) {
    refuseJournal(`${file} is no journal of an embedded account: its first line does not say "format": "${FORMAT}".`);
  }
  if (header["version"] !== VERSION) {
    refuseJournal(
      `${file} has version ${JSON.stringify(header["version"])} of its format, and this account reads version ${VERSION} only: ` +
        "open it with the release that wrote it, or name another directory.",
    );
  }
  if (header["region"] !== region || header["accountId"] !== accountId) {
    refuseJournal(
      `${file} is of account ${header["accountId"]} in ${header["region"]}, not of ${accountId} in ${region}: ` +
        "start the account with those, or name another directory.",
    );
  }
}

function changesIn(line: string): readonly Change[] | undefined {
  const changes: unknown = parsed(line);
  return Array.isArray(changes) && changes.every(isChange) ? changes : undefined;
}

function isChange(change: unknown): change is Change {
  return Array.isArray(change) && change.length >= 2 && change.slice(0, 2).every((part) => typeof part === "string");
}

function damaged(file: string, line: number): never {
  return refuseJournal(`Line ${line} of ${file} is damaged: remove that line, or name another directory.`);
}

/** What the text says may be a secret: no error may quote it. */
function parsed(text: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function mapsAsEntries(_key: string, value: unknown): unknown {
  return value instanceof Map ? [...value] : value;
}
