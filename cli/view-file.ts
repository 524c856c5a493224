import { once } from "node:events";
import { readFile, stat } from "node:fs/promises";
import * as z from "zod/mini";
import { parse } from "../core/parse.ts";
import { ViewError, type ViewSource } from "../view/source.ts";
import { type ExecutionFile, type ExecutionPart, RUN_OUTCOMES, type RunRow } from "../view/wire.ts";
import { CliError } from "./cli-error.ts";
import { EXIT } from "./exit-status.ts";
import { batchesAfter } from "./view-batches.ts";

/** An execution has at most 25,000 events, of which each has a payload of at most 256 KB; few have one that is nearly as large. */
const MOST_BYTES = 128 * 1024 * 1024;
const MOST_EVENTS = 25_000;
/** Far deeper than what a workflow has, and not so deep that it cannot be written again. */
const MOST_LEVELS = 200;

/**
 * An execution of a file, as the only one there is. What is in the file is somebody else's, and only looked at.
 * @throws CliError it cannot be read, or is no such file
 */
export async function fileSource(path: string): Promise<{ readonly source: ViewSource; readonly run: string }> {
  const execution = await readExecutionDocument(path);
  const { schema: _, place, definition: __, events, ...part } = execution;
  const { run } = part;

  const source: ViewSource = {
    readPlace: async () => place,
    watchList: async function* (signal) {
      const { name, secret, status, outcome, mode, startedAt, endedAt } = run;
      const row: RunRow = { ...{ name, status, outcome, mode, startedAt, endedAt }, secret: secret.name };
      const nothing = { reading: null, problem: null, more: false, secrets: [], gone: [] };
      yield { ...nothing, readAt: part.readAt, runs: [row] };
      await aborted(signal);
    },
    async readExecution(reference) {
      if (![run.name, run.arn, run.secret.name, run.secret.arn].includes(reference)) throw isAnother(reference);
      return execution;
    },
    watchExecution: async function* (name, after, signal) {
      if (name !== run.name) {
        const { message, todo } = isAnother(name);
        yield { event: "problem", data: { message, todo } };
      } else {
        for (const data of batchesAfter(events, after)) yield { event: "events", data };
        yield { event: "part", data: part satisfies ExecutionPart };
      }
      await aborted(signal);
    },
    act: async (name) => ({ done: false, said: ["This is a file. Nothing was done."], run: name }),
  };
  return { source, run: run.name };

  function isAnother(reference: string): ViewError {
    return new ViewError(404, `The file has run ${run.name}, and not ${reference}.`, null);
  }
}

/**
 * Of what `rotor.execution/1` has, everything that the page relies on is checked.
 * @throws CliError it cannot be read, or is no such file
 */
export async function readExecutionDocument(path: string): Promise<ExecutionFile> {
  const wrong = (why: string) =>
    new CliError(EXIT.environment, `${path} ${why}`, "make one: Export in the page of a run, or rotor export <run>");
  const unread = (error: unknown) => {
    const { code } = Object(error) as { readonly code?: unknown };
    return Promise.reject(wrong(`could not be read (${typeof code === "string" ? code : "no reason given"}).`));
  };
  const { size } = await stat(path).catch(unread);
  if (size > MOST_BYTES) throw wrong(`has ${size} bytes: no more than ${MOST_BYTES} are taken.`);
  const value = parseJson(await readFile(path, "utf8").catch(unread));
  if (value === undefined) throw wrong("is no JSON.");
  if (isDeeper(value, MOST_LEVELS)) throw wrong(`is nested more than ${MOST_LEVELS} levels deep.`);
  const { schema } = Object(value) as { readonly schema?: unknown };
  if (schema !== "rotor.execution/1") throw wrong('is no execution: its schema is not "rotor.execution/1".');
  const parsed = parse(executionFile, value);
  if (!parsed.success) throw wrong(`is not as rotor writes it. ${parsed.problems.slice(0, 500)}`);
  const events = parsed.data.events;
  const disordered = events.findIndex(({ id }, index) => id <= (events[index - 1]?.id ?? 0));
  if (disordered >= 0)
    throw wrong(`is not as rotor writes it. Field events.${disordered}.id: must be above the one before.`);
  // What could be asked for then is nothing that can be asked for of a file.
  return { ...parsed.data, actions: [] };
}

// --- internal ---

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isDeeper(value: unknown, levels: number): boolean {
  if (value === null || typeof value !== "object") return false;
  return levels === 0 || Object.values(value).some((each) => isDeeper(each, levels - 1));
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, "abort");
}

const text = z.string();
const maybe = <T extends z.ZodMiniType>(schema: T) => z.nullable(schema);
const time = z.iso.datetime();
const texts = z.array(text);
/** A link that a page may follow: nothing that runs. */
const link = maybe(z.string().check(z.startsWith("https://")));
const failure = maybe(z.looseObject({ step: text, name: text, message: text, likelyCause: maybe(text) }));
const labels = maybe(texts);
const strength = maybe(z.enum(["strong", "claimed", "weak", "none"]));

const told = z.looseObject({
  ...{ outcome: text, severity: text, actionRequired: z.boolean(), summary: text },
  secret: z.looseObject({ owner: maybe(text), strategy: maybe(text) }),
  state: z.looseObject({
    ...{ production: maybe(text), live: maybe(text), liveVersionId: maybe(text), liveSignedInAt: maybe(text) },
    ...{ credentialGapMs: maybe(z.number()), newWasLiveMs: maybe(z.number()), frozen: maybe(z.boolean()) },
    versions: z.array(z.looseObject({ id: text, before: labels, during: labels, now: labels })),
    truthTable: maybe(z.array(z.looseObject({ id: text, labels: texts, signIn: text }))),
  }),
  ...{ failure, rollbackFailure: failure },
  dependents: z.looseObject({
    items: z.array(
      z.looseObject({
        ...{ name: text, before: maybe(z.enum(["healthy", "unhealthy"])), seen: maybe(text) },
        ...{ after: strength, restored: strength },
      }),
    ),
    more: z.number(),
  }),
  remarks: texts,
  nextSteps: z.array(z.looseObject({ say: text, command: maybe(text) })),
  links: z.looseObject({ execution: link, secret: link, runbook: link, errorRunbook: link }),
});

const executionFile = z.looseObject({
  schema: z.literal("rotor.execution/1"),
  place: z.looseObject({ account: text, region: text, stage: text, caller: text }),
  readAt: time,
  run: z.looseObject({
    ...{ name: z.string().check(z.regex(/^[\w-]{1,80}$/)), arn: text, token: text, mode: text },
    status: z.enum(["RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED", "PENDING_REDRIVE"]),
    outcome: z.enum(RUN_OUTCOMES),
    secret: z.looseObject({ name: text, arn: text }),
    ...{ startedAt: maybe(time), endedAt: maybe(time), redrivenAt: maybe(time) },
  }),
  verdict: text,
  told: maybe(told),
  definition: z.unknown(),
  events: z
    .array(
      z.looseObject({
        id: z.int().check(z.minimum(1)),
        previousEventId: z.optional(z.int()),
        timestamp: time,
        type: text,
      }),
    )
    .check(z.maxLength(MOST_EVENTS)),
});
