import { beforeAll, describe, expect, inject, test } from "vitest";
import { ACCOUNT, LEFT_OUT, REGION } from "./aws-calls.ts";
import { arnsOf, callersOf, deafAlarms, of, strangers, targetsOf } from "./deployed.ts";
import type { Resource } from "./harness/graph.ts";
import { type Deployed, deployToMoto, isInstalled } from "./moto.ts";

const NOBODY = `arn:aws:lambda:${REGION}:${ACCOUNT}:function:nobody`;
/** Name of a resource -> what is wrong with it. */
const FAULTS: Readonly<Record<string, (resource: Resource) => Partial<Resource>>> = {
  "rotation-target": ({ inputs }) => ({ inputs: { ...inputs, arn: NOBODY } }),
  "roll-backRole": ({ inputs }) => ({ inputs: JSON.parse(JSON.stringify(inputs).replaceAll("Allow", "Permit")) }),
  workflow: ({ inputs }) => ({
    inputs: { ...inputs, definition: inputs.definition.replaceAll('"Choice"', '"Choose"') },
  }),
  "topic-email": ({ inputs }) => ({ inputs: { ...inputs, name: "not a name" } }),
  planFunction: () => ({ dependsOn: [] }),
  "alarm-dispatch-errors": ({ inputs }) => ({ inputs: { ...inputs, dimensions: { FunctionName: "nobody" } } }),
};

/** moto is a Python program that answers as AWS does, wire and refusals. Where python3 does not have it, this is said. */
const { production } = inject("graphs");
const WHY_NOT = "not run: python3 has no moto with its server";
if (!isInstalled) console.info(`The graph in a moto server: ${WHY_NOT}`);

describe.skipIf(!isInstalled)(`the graph in a moto server${isInstalled ? "" : ` (${WHY_NOT})`}`, () => {
  let account: readonly Deployed[];
  beforeAll(async () => {
    account = await deployToMoto(production);
  });

  test("is created whole, in the order of its dependencies", () => {
    expect(account.flatMap(({ refused }) => refused)).toEqual([]);
    expect(account.length).toBeGreaterThan(50);
  });

  test("is there as it was declared: policies, patterns, definition, settings", () => {
    for (const { resource, read } of account) {
      expect(read.length, resource.urn).toBeGreaterThan(0);
      for (const { told, says } of read) expect(says, resource.urn).toMatchObject(told);
    }
  });

  test("every rule has a target that was created, which it may call, with retries and dead letters", () => {
    const arns = arnsOf(account);
    const rules = of(account, "aws:cloudwatch/eventRule:EventRule");
    expect(rules.length).toBeGreaterThan(5);
    for (const rule of rules) {
      const targets = targetsOf(account, rule);
      expect(targets, rule.arn).toHaveLength(1);
      const [target] = targets;
      expect(target.RetryPolicy.MaximumRetryAttempts, rule.arn).toBeGreaterThan(0);
      expect(arns, rule.arn).toContain(target.DeadLetterConfig.Arn);
      const isForeign = !target.Arn.includes(`:${ACCOUNT}:`);
      if (isForeign) expect(arns, rule.arn).toContain(target.RoleArn);
      else expect(callersOf(account, target.Arn), rule.arn).toContain(rule.arn);
    }
  });

  test("nothing speaks of what was not created", () => {
    // But of the roles that the deployment lets ask for rotations, and of what policies name. Tasks are looked at below.
    const others =
      /:role\/platform-\*$|:function:(orders-(export|import)|partner-rotation:live)$|' & \$plan\.functionSuffix %}$/;
    expect(strangers(account).filter((each) => !others.test(each))).toEqual([]);
  });

  test("every alarm looks at what was created", () => {
    expect(deafAlarms(account)).toEqual([]);
  });

  test("every task of the state machine calls a function that was created", () => {
    const [machine] = of(account, "aws:sfn/stateMachine:StateMachine");
    const called = JSON.stringify(machine?.read[0]?.says.definition).matchAll(/"FunctionName":"([^"]+)"/g);
    const functions = new Set([...called].map(([, arn]) => arn));
    expect(functions.size).toBeGreaterThan(3);
    const created = of(account, "aws:lambda/function:Function").map(({ arn }) => arn);
    for (const text of functions) {
      const [, arn = text] = /^\{% '(.+)' & \$plan\.functionSuffix %}$/.exec(text ?? "") ?? [];
      const suffixes = arn === text ? [""] : ["", "-lambda", "-mariadb", "-redis"];
      for (const suffix of suffixes) expect(created).toContain(`${arn}${suffix}`);
    }
  });

  test("notices each fault of a graph that has some", async () => {
    const resources = production.resources.map((each) => ({ ...each, ...FAULTS[each.name]?.(each) }));
    const broken = await deployToMoto({ resources });
    const refused = broken.flatMap((each) => each.refused).join("\n");
    expect(refused).toMatch(/roll-backRole: .*MalformedPolicyDocument/);
    expect(refused).toMatch(/workflow: .*CreateStateMachine.*at \\?"Choose"/);
    expect(refused).toMatch(/topic-email: .*InvalidParameter/);
    expect(refused).toMatch(/planFunction: .*role defined for the function cannot be assumed/);
    expect(strangers(broken)).toContain(`rotation-target: ${NOBODY}`);
    expect(deafAlarms(broken)).toContain("alarm-dispatch-errors: :function:nobody");
  });
});

test.each(Object.entries(LEFT_OUT))("%s is left out: %s", (type) => {
  expect(production.resources.map((each) => each.type)).toContain(type);
});
