import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, inject, test } from "vitest";
import { parsePattern } from "../../local/services/event-pattern.ts";
import { all, type Graph, one } from "./harness/graph.ts";

/**
 * Which rules take which of the fixture events. The fixtures' account, state machine and heartbeat's secret are put in the place of
 * the deployment's; an event that no rule takes is decided by the pattern, one that a rule takes in vain by dispatch.
 */
const graph = inject("graphs").dev;
const FOLDER = new URL("../core/fixtures/events/", import.meta.url);
const files = readdirSync(FOLDER).map((file) => file.replace(/\.json$/, ""));
const ON_ROTATION_BUS = ["rotor-dev-requested", "rotor-dev-rehearsed", "rotor-dev-incident"];

const rules = all(graph, "aws:cloudwatch/eventRule:EventRule")
  .filter(({ inputs }) => inputs.eventPattern !== undefined)
  .map(({ inputs }) => ({
    name: inputs.name as string,
    pattern: parsePattern(inputs.eventPattern),
    text: inputs.eventPattern as string,
  }));

function takers(file: string): readonly string[] {
  const { event } = JSON.parse(readFileSync(new URL(`${file}.json`, FOLDER), "utf8"));
  const aligned = align(event);
  return rules.filter(({ pattern }) => pattern.matches(aligned)).map(({ name }) => name.replace("rotor-dev-", ""));
}

/** The fixtures know the embedded account's names. */
function align(event: unknown): unknown {
  const machine = `arn:aws:states:eu-west-1:123456789012:stateMachine:${one(graph, "aws:sfn/stateMachine:StateMachine", "workflow").inputs.name}`;
  const heartbeat = `arn:aws:secretsmanager:eu-west-1:123456789012:secret:${one(graph, "aws:secretsmanager/secret:Secret", "heartbeat").inputs.name}-AbCdEf`;
  const text = JSON.stringify(event)
    .replace(/arn:aws:states:eu-west-1:123456789012:stateMachine:[\w-]+/g, machine)
    .replace(/arn:aws:secretsmanager:eu-west-1:123456789012:secret:rotor\/heartbeat-\w{6}/g, heartbeat);
  return JSON.parse(text);
}

describe("the deployed patterns, on every known shape of event", () => {
  test("the fixtures are all decided as they are meant", () => {
    const decided = Object.fromEntries(files.map((file) => [file, takers(file).join(" ") || "-"]));
    expect(decided).toMatchSnapshot();
  });

  test("no event is taken by two rules of one bus: dispatch would be asked twice", () => {
    for (const file of files) {
      const taken = takers(file).map((name) => `rotor-dev-${name}`);
      const here = taken.filter((name) => ON_ROTATION_BUS.includes(name));
      expect(here.length, file).toBeLessThan(2);
      expect(taken.length - here.length, file).toBeLessThan(2);
    }
  });

  test("every rule takes at least one of them", () => {
    const taken = new Set(files.flatMap(takers));
    expect(rules.map(({ name }) => name.replace("rotor-dev-", "")).filter((name) => !taken.has(name))).toEqual([]);
  });

  test("every event with a meaning other than to be ignored is taken by a rule", () => {
    const lost = files.filter((file) => {
      const { expected } = JSON.parse(readFileSync(new URL(`${file}.json`, FOLDER), "utf8"));
      return expected.kind !== "ignored" && takers(file).length === 0;
    });
    expect(lost).toEqual([]);
  });

  test("a pattern fits into what EventBridge takes, and has no placeholder left", () => {
    for (const { text, name } of rules) {
      expect(text.length, name).toBeLessThanOrEqual(2048);
      expect(text, name).not.toContain("${");
    }
  });
});

test("the rule for rehearsals of another account takes what this account has rehearsed, and not what came from elsewhere", () => {
  const production: Graph = inject("graphs").production;
  const rule = one(production, "aws:cloudwatch/eventRule:EventRule", "rehearses-for-1");
  const pattern = parsePattern(rule.inputs.eventPattern);
  const event = (account: string, detail: object) => ({
    ...{ source: "rotor.rotation", "detail-type": "Rotation Succeeded", account, detail },
  });
  const rehearsal = { rehearsal: { digest: "1".repeat(32) } };
  expect(pattern.matches(event("123456789012", rehearsal))).toBe(true);
  expect(pattern.matches(event("210987654321", rehearsal))).toBe(false);
  expect(pattern.matches(event("123456789012", {}))).toBe(false);
});
