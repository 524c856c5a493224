import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { RULES } from "../../core/triggers.ts";
import { parsePattern } from "../../local/services/event-pattern.ts";
import { matchByMoto, whyNot } from "./moto/moto.ts";

/**
 * The deployed patterns by two matchers, ours and moto's: every fixture event, each also with any one member left out, and with
 * any one value in a list beside another.
 */
const WHY_NOT = whyNot === undefined ? "" : ` (${whyNot})`;
const FOLDER = new URL("../core/fixtures/events/", import.meta.url);
const HEARTBEAT = /arn:aws:secretsmanager:[\w-]+:\d+:secret:rotor\/heartbeat-\w{6}/;
const MACHINE = /arn:aws:states:[\w-]+:\d+:stateMachine:[\w-]+/;

const texts = readdirSync(FOLDER).map((file) => readFileSync(new URL(file, FOLDER), "utf8"));
const fixtures = texts.map((text): unknown => JSON.parse(text).event);
const patterns = RULES.map(({ pattern }) => fill(pattern));

describe.skipIf(whyNot !== undefined)(`patterns beside moto${WHY_NOT}`, () => {
  test("both matchers take the same events, and every rule takes some", () => {
    const events = fixtures.flatMap((event) => [event, ...variants(event)]);
    const motos = matchByMoto(patterns, events);
    const ours = patterns.map((pattern) => {
      const { matches } = parsePattern(pattern);
      return [...events.keys()].filter((index) => matches(events[index]));
    });
    for (const [index, { name }] of RULES.entries()) {
      expect(ours[index], name).toEqual(motos[index]);
      expect(ours[index]?.length, name).toBeGreaterThan(0);
      expect(ours[index]?.length, name).toBeLessThan(events.length / 2);
    }
    console.info(`Patterns beside moto: ${patterns.length} rules, ${events.length} events, all alike`);
    expect(events.length).toBeGreaterThan(10 * fixtures.length);
  }, 120_000);
});

/** What is only known when a rule is deployed is as the fixtures know it. */
function fill(pattern: object): unknown {
  const known = (form: RegExp) => form.exec(texts.join(""))?.[0] ?? "";
  const text = JSON.stringify(pattern);
  return JSON.parse(
    text.replace("${StateMachineArn}", known(MACHINE)).replace("${HeartbeatSecretArn}", known(HEARTBEAT)),
  );
}

/** An event without one of its members, and with one of its values in a list beside another: at every place. */
function variants(value: unknown): readonly unknown[] {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return [];
  return Object.entries(value).flatMap(([key, member]) => {
    const { [key]: _, ...without } = value as Record<string, unknown>;
    const isMap = member !== null && typeof member === "object";
    const changed = isMap ? variants(member) : [["another", member]];
    return [without, ...changed.map((each) => ({ ...value, [key]: each }))];
  });
}
