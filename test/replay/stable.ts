import { copyId, deriveToken, executionName } from "../../core/identity.ts";
import type { Recording } from "./recording.ts";

/** The ids of a secret and of what belongs to it, in an account or in a recording. */
export interface Ids {
  readonly arn: string;
  readonly name: string;
  readonly user: string;
  readonly base: string;
  readonly older: string;
  readonly candidate: string;
}

/** The ids that every recording has, of the shapes that AWS's have. */
export const STABLE: Ids = {
  arn: "arn:aws:secretsmanager:us-east-1:123456789012:secret:replayed/db-AbCdEf",
  name: "replayed/db",
  user: "replayed_user",
  base: "ba5e0000-0000-4000-8000-000000000000",
  older: "01de0000-0000-4000-8000-000000000000",
  candidate: "ca4d1da7-e000-4000-8000-000000000000",
};
const STABLE_HASH = "rot-0000000000000000";
const STABLE_COPY = "c0b40000-0000-5000-8000-000000000000";
/** When every recorded execution began. */
export const STABLE_START = Date.parse("2026-01-01T00:00:00.000Z");

/** The id of the candidate as the release of the recording named it for that secret. */
export function candidateId(
  { derived }: Pick<Recording, "derived">,
  { arn, base }: Pick<Ids, "arn" | "base">,
): string | undefined {
  return derived && deriveToken(arn, base, derived.attempt, derived.kind);
}

/** A value of the account as it is recorded: with stable ids and times, and without stacks and addresses. */
export function toStable<T>(value: T, ids: Ids, startMs: number): T {
  const texts = pairs(ids).map(([stable, live]): Pair => [live, stable]);
  const unknown = new Map<string, string>();
  return map(value, (text) => {
    const named = replaceAll(text, texts)
      .replace(/127\.0\.0\.1:\d+/g, "127.0.0.1:5432")
      .replace(OTHER_UUID, (id) => (isStable(id) ? id : numbered(unknown, id)));
    return shift(named, STABLE_START - startMs);
  });
}

/** What is recorded, as the account would have it: with its ids, and with times moved by so many milliseconds. */
export function toLive<T>(value: T, ids: Ids, movedMs: number): T {
  return map(value, (text) => shift(replaceAll(text, pairs(ids)), movedMs));
}

/** The latest instant that a recorded value names, in milliseconds since the epoch. */
export function latestTime(value: unknown): number | undefined {
  const times = (JSON.stringify(value) ?? "").match(TIME)?.map((each) => Date.parse(each)) ?? [];
  return times.length === 0 ? undefined : Math.max(...times);
}

// --- internal ---

type Pair = readonly [from: string, to: string];
const TIME = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,3})?Z/g;
const OTHER_UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;
/** Epoch milliseconds of this century's first half. */
const isEpoch = (value: number) => value > 1e12 && value < 2.5e12;

/** What stands for what; an id that holds another one comes first. */
function pairs(ids: Ids): readonly Pair[] {
  const hash = executionName(ids.arn, ids.candidate).slice(0, STABLE_HASH.length);
  return [
    [STABLE.arn, ids.arn],
    [STABLE.name, ids.name],
    [STABLE.user, ids.user],
    [STABLE_HASH, hash],
    [STABLE_COPY, copyId(ids.arn, ids.candidate, ids.base)],
    [STABLE.candidate, ids.candidate],
    [STABLE.base, ids.base],
    [STABLE.older, ids.older],
  ];
}

function isStable(id: string): boolean {
  return [...Object.values(STABLE), STABLE_COPY].includes(id);
}

function numbered(known: Map<string, string>, id: string): string {
  const next = `00000000-0000-4000-8000-${String(known.size + 1).padStart(12, "0")}`;
  known.set(id, known.get(id) ?? next);
  return known.get(id) ?? next;
}

function replaceAll(text: string, texts: readonly Pair[]): string {
  return texts.reduce((changed, [from, to]) => changed.replaceAll(from, to), text);
}

function shift(text: string, byMs: number): string {
  return text.replace(TIME, (time) => new Date(Date.parse(time) + byMs).toISOString());
}

/** Changes every text; numbers that are times, too. JSON inside a text is changed as what it means. */
function map<T>(value: T, change: (text: string) => string): T {
  const visit = (each: unknown, key?: string): unknown => {
    if (typeof each === "string") return inJson(each, visit) ?? change(each);
    if (typeof each === "number" && isEpoch(each)) return Date.parse(change(new Date(each).toISOString()));
    if (each instanceof Date) return new Date(change(each.toISOString()));
    // Where in the files of a release an error was thrown is nothing that anybody goes by.
    if (key === "trace") return [];
    if (Array.isArray(each)) return each.map((item) => visit(item));
    if (each === null || typeof each !== "object") return each;
    return Object.fromEntries(Object.entries(each).map(([name, item]) => [change(name), visit(item, name)]));
  };
  return visit(value) as T;
}

function inJson(text: string, visit: (value: unknown) => unknown): string | undefined {
  if (!/^\s*[[{]/.test(text) && !/^\d{13}$/.test(text)) return undefined;
  try {
    return JSON.stringify(visit(JSON.parse(text)));
  } catch {
    return undefined;
  }
}
