import { readFileSync } from "node:fs";
import { afterAll, describe, expect, it } from "vitest";
import { parseDefinition } from "../../local/engine/definition.ts";
import type { HistoryEvent } from "../../local/engine/history.ts";
import { VirtualClock } from "../../local/virtual-clock.ts";
import { type Handler, workflow } from "./harness.ts";

/**
 * Histories that AWS itself recorded: ids, previousEventIds, types and details must be the same. The recordings are not
 * part of this repository; ROTOR_AWS_HISTORIES names the file.
 */
const file = process.env.ROTOR_AWS_HISTORIES;

interface RecordedCase {
  readonly id: string;
  readonly definition: Record<string, unknown>;
  readonly input: unknown;
  readonly functions: Record<string, { echo?: true; raise?: string; message?: string }>;
  /** [what the definition has, what the recording has instead] */
  readonly placeholders: [string, string][];
  readonly expectedEvents: HistoryEvent[];
}

if (file === undefined) console.info("AWS-recorded histories: not run (ROTOR_AWS_HISTORIES is not set)");

describe.skipIf(file === undefined)(
  file === undefined ? "AWS-recorded histories: not run (ROTOR_AWS_HISTORIES is not set)" : "AWS-recorded histories",
  () => {
    const cases = file === undefined ? [] : (JSON.parse(readFileSync(file, "utf8")).cases as RecordedCase[]);
    const usable: { recorded: RecordedCase; definition: Record<string, unknown> }[] = [];
    const leftOut = new Map<string, number>();
    let declared = 0;
    for (const recorded of cases) {
      const definition = asJsonata(recorded.definition);
      const reason = unsupported(definition);
      if (reason === undefined) usable.push({ recorded, definition });
      else leftOut.set(reason, (leftOut.get(reason) ?? 0) + 1);
      if (reason === undefined && definition !== recorded.definition) declared++;
    }

    it.for(usable)("$recorded.id", async ({ recorded, definition }) => {
      const { placeholders } = recorded;
      const { states, start, events } = workflow({
        definition,
        functions: Object.fromEntries(Object.entries(recorded.functions).map(([name, does]) => [name, handler(does)])),
        clock: new VirtualClock({ start: "2026-01-01T00:00:00Z" }),
      });
      const executionArn = start(recorded.input);
      await states.idle();
      const ours = events(executionArn).map((event) => comparable(event, placeholders));
      expect(ours).toEqual(recorded.expectedEvents.map((event) => comparable(event, placeholders)));
    });

    it("most of the recordings are of features that the account has", () => {
      expect(usable.length).toBeGreaterThan(cases.length * 0.75);
    });

    afterAll(() => {
      const reasons = [...leftOut].map(([reason, count]) => `  ${count} left out: ${reason}`);
      console.info(
        [
          `AWS-recorded histories: ${usable.length} of ${cases.length} run` +
            ` (${declared} of them use nothing of JSONPath and were declared JSONata)`,
          ...reasons,
        ].join("\n"),
      );
    });
  },
);

/** A recorded definition that names no query language, or JSONPath, and uses none of its fields means the same in JSONata. */
function asJsonata(definition: Record<string, unknown>): Record<string, unknown> {
  try {
    parseDefinition(JSON.stringify(definition));
    return definition;
  } catch {
    const text = JSON.stringify({ ...definition, QueryLanguage: "JSONata" });
    return JSON.parse(text.replaceAll('"QueryLanguage":"JSONPath"', '"QueryLanguage":"JSONata"'));
  }
}

/** The first feature that the account does not have, without names and places. */
function unsupported(definition: Record<string, unknown>): string | undefined {
  try {
    parseDefinition(JSON.stringify(definition));
    return undefined;
  } catch (error) {
    const first = (error as Error).message.split(" at /")[0] ?? "";
    return first.replace(/'arn:aws:lambda:[^']*'/, "'arn:aws:lambda:...'");
  }
}

function handler(does: { echo?: true; raise?: string; message?: string }): Handler {
  return (payload) => {
    if (does.raise === undefined) return payload;
    throw Object.assign(new Error(does.message), { name: does.raise });
  };
}

/** What differs from run to run, or is Python's: left out on both sides. */
const VOLATILE = new Set([
  ..."timestamp roleArn region SdkHttpMetadata SdkResponseMetadata".split(" "),
  ..."requestId stackTrace trace".split(" "),
]);

/** JSON text is parsed, placeholders are put in, what cannot be the same is left out. */
function comparable(value: unknown, placeholders: [string, string][]): unknown {
  if (typeof value === "string") return text(value, placeholders);
  if (Array.isArray(value)) return value.map((item) => comparable(item, placeholders));
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key, member]) => !VOLATILE.has(key) && member !== undefined)
      .map(([key, member]) => [key, comparable(member, placeholders)]),
  );
}

function text(value: string, placeholders: [string, string][]): unknown {
  if (/^(timestamp|date)$/.test(value) || /^\d{2,4}-\d\d-\d{2,4}[T ]\d\d:\d\d/.test(value)) return "<time>";
  if (/^[[{"]|^(true|false|null|-?\d+(\.\d+)?)$/.test(value)) {
    try {
      return comparable(JSON.parse(value), placeholders);
    } catch {
      // Not JSON after all.
    }
  }
  return placeholders
    .reduce((replaced, [ours, recorded]) => replaced.replaceAll(ours, recorded), value)
    .replace(/arn:<partition>:lambda:<region>:|arn:aws:lambda:us-east-1:/, "arn:")
    .replace(/format string: .*/, "format string: <time>");
}
