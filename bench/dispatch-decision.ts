import { readdirSync, readFileSync } from "node:fs";
import { decide } from "../core/decide.ts";
import type { DecisionPlace } from "../core/decision.ts";
import { RotationError } from "../core/errors.ts";
import { executionName } from "../core/identity.ts";
import { normaliseEvent } from "../core/normalise-event.ts";
import { type Policy, parsePolicies, policyFor } from "../core/policies.ts";
import { mayName } from "../core/secret-names.ts";
import { AWSCURRENT, AWSPENDING, type Secret } from "../core/versions/secret.ts";

/*
 * How many events a second dispatch decides on one core: the text is parsed, the event validated and brought into one form,
 * the secret classified, and what follows is named. No I/O: DescribeSecret's answer is given. Every fixture of the tests in
 * turn, in rounds; the fastest of them, which nothing else has slowed down, has to reach the floor. Beside it, in turns with it, JSON.parse of the same texts
 * alone: the ratio tells how much of the time is the decision, on whatever machine.
 */
const FLOOR = 20_000;
const ROUNDS = 5;
const ROUND_MS = 1000;

const FIXTURES = new URL("../test/core/fixtures/events/", import.meta.url);
const fixtures = readdirSync(FIXTURES).map((file) => {
  const { event, place } = JSON.parse(readFileSync(new URL(file, FIXTURES), "utf8"));
  return { text: JSON.stringify(event), place };
});
const { account, region } = fixtures[0]?.place ?? {};
const arn = `arn:aws:secretsmanager:${region}:${account}:secret:`;
const gateFunctionArn = `arn:aws:lambda:${region}:${account}:function:gate`;
const place: DecisionPlace & { account: string } = { account, region, gateFunctionArn, nowMs: Date.now() };

// As many policies as a large account has: the ones that the fixtures name, in every mode, among others.
const policies = parsePolicies([
  { secretId: "orders/db", strategy: "postgres-single-user" },
  { secretId: "MyDatabaseSecret", strategy: "postgres-single-user", mode: "driven" },
  { secretId: "mySecret", mode: "observed" },
  ...Array.from({ length: 200 }, (_, index) => ({ secretId: `team-${index}/db`, strategy: "postgres-single-user" })),
]);

const rounds = Array.from({ length: ROUNDS }, () => ({ decided: rate(decideText), parsed: rate(JSON.parse) }));
const decided = rounds.map((round) => round.decided);
const ratios = rounds.map((round) => round.parsed / round.decided);
const kinds = new Set(fixtures.map(({ text }) => decideText(text)));
process.stdout.write(
  `${fixtures.length} fixture events, ${policies.length} policies, ${ROUNDS} rounds of ${ROUND_MS} ms\n` +
    `decisions a second: ${Math.round(Math.min(...decided))} to ${Math.round(Math.max(...decided))} (floor ${FLOOR})\n` +
    `a decision takes ${Math.min(...ratios).toFixed(1)} to ${Math.max(...ratios).toFixed(1)} times JSON.parse alone\n` +
    `decisions: ${[...kinds].sort().join(", ")}\n`,
);
if (Math.max(...decided) < FLOOR) process.exitCode = 1;

/** Calls a second, over the fixtures in turn. */
function rate(work: (text: string) => unknown): number {
  let calls = 0;
  const begun = performance.now();
  while (performance.now() - begun < ROUND_MS) {
    for (const { text } of fixtures) work(text);
    calls += fixtures.length;
  }
  return calls / ((performance.now() - begun) / 1000);
}

function decideText(text: string): string {
  try {
    const event = normaliseEvent(JSON.parse(text), place);
    switch (event.kind) {
      case "ignored":
      case "heartbeat":
      case "execution-ended":
      case "rehearsal-passed":
        return event.kind;
    }
    const id = "request" in event ? event.request.secretId : "secretArn" in event ? event.secretArn : event.secretId;
    if (!policies.some(({ secretId }) => mayName(secretId, id))) return "no policy";
    const secret = describe(id);
    const policy = policyFor(policies, secret) as Policy;
    const decision = decide(event, secret, policy, place);
    if (decision.do === "start") executionName(secret.arn, decision.token);
    return decision.do;
  } catch (error) {
    if (error instanceof RotationError && error.name === "EventInvalid") return "invalid";
    throw error;
  }
}

/** What DescribeSecret would say: a rotation is on its way, through the gate. */
function describe(secretId: string): Secret {
  const name = secretId.startsWith("arn:") ? secretId.slice(arn.length).replace(/-[A-Za-z0-9]{6}$/, "") : secretId;
  return {
    arn: `${arn}${name}-AbCdEf`,
    name,
    rotationEnabled: true,
    rotationLambdaArn: gateFunctionArn,
    hasRotationRules: true,
    deleted: false,
    tags: {},
    labels: {
      "3f0c5b0e-6c1d-4f5e-9d53-0a4b7c0e1f22": [AWSCURRENT],
      "7ac47c8c-f328-423b-9698-6926dd1f293e": [AWSPENDING],
    },
  };
}
