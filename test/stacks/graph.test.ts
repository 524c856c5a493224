import { readFileSync } from "node:fs";
import { join } from "node:path";
import validate from "asl-validator";
import { describe, expect, inject, test } from "vitest";
import { SDK_REQUEST } from "../../core/aws.ts";
import { FUNCTIONS, STATE_MACHINE } from "../../core/blueprint.ts";
import { definitionDigest } from "../../core/rehearsal.ts";
import { MOST_TAGS } from "../../core/tags.ts";
import { DELIVERY, ON_FAILURE, SCHEDULES } from "../../core/triggers.ts";
import { DEPLOYED } from "./fixtures/functions.ts";
import { all, type Graph, one } from "./harness/graph.ts";

const graphs = inject("graphs");
const STAGES = ["dev", "production"] as const;
const names = DEPLOYED.map(({ id }) => id);
const withDriver = DEPLOYED.filter(({ engine }) => engine !== undefined).map(({ id }) => id);
const ACCOUNT = "123456789012";
const definitionFile = new URL(`../../${STATE_MACHINE.file}`, import.meta.url);

describe.each(STAGES)("stage %s", (stage) => {
  const graph = graphs[stage];
  const lambda = (name: string) => one(graph, "aws:lambda/function:Function", `${name}Function`);
  const lambdaArn = (name: string) => `arn:aws:lambda:eu-west-1:${ACCOUNT}:function:rotor-${stage}-${name}`;
  const rules = all(graph, "aws:cloudwatch/eventRule:EventRule");
  const targets = all(graph, "aws:cloudwatch/eventTarget:EventTarget");
  const queueArn = `arn:aws:sqs:eu-west-1:${ACCOUNT}:rotor-${stage}-rotation-dead-letters`;

  describe("names and tags", () => {
    test("everything that has a name begins it with app and stage", () => {
      const named = graph.resources.filter(
        ({ type, inputs }) => type.startsWith("aws:") && typeof inputs.name === "string",
      );
      expect(named.length).toBeGreaterThan(50);
      const wrong = named.filter(({ inputs }) => {
        const own = inputs.name.replace(/^\/aws\/(lambda|vendedlogs\/states)\//, "");
        return !own.startsWith(`rotor-${stage}-`);
      });
      expect(wrong.map(({ inputs }) => inputs.name)).toEqual([]);
    });

    test("every resource is tagged with app and stage, and with what the deployment says", () => {
      const own = { app: "rotor", stage, "managed-by": "sst", "sst:app": "rotor", "sst:stage": stage };
      const declared = stage === "production" ? { owner: "platform", "cost-center": "4711" } : {};
      expect(graph.app.providers.aws.defaultTags.tags).toEqual({ ...own, ...declared });
      // What S3 takes for an object: with as many as a deployment may add, and none of a resource's own.
      expect(Object.keys(own).length + MOST_TAGS).toBe(10);
      expect(all(graph, "aws:s3/bucketObjectv2:BucketObjectv2").length).toBeGreaterThan(0);
      expect(graph.resources.filter(({ inputs }) => inputs.tags !== undefined).map(({ name }) => name)).toEqual([]);
    });

    test("production is protected, and keeps its dead letters and logs", () => {
      const production = stage === "production";
      expect([graph.app.protect, graph.app.removal]).toEqual([production, production ? "retain" : "remove"]);
      const kept = graph.resources.filter(({ retainOnDelete }) => retainOnDelete).map(({ type }) => type);
      const groups = all(graph, "aws:cloudwatch/logGroup:LogGroup").map(({ type }) => type);
      expect(kept.sort()).toEqual(production ? [...groups, "aws:sqs/queue:Queue"].sort() : []);
    });

    test("the outputs say what to do next", () => {
      const next = Object.entries(graph.outputs).filter(([key]) => key.startsWith("next-"));
      expect(next).toHaveLength(4);
      expect(next.map(([, value]) => value).join(" ")).toMatch(/sns subscribe.*statemachines\/view.*rotate-secret/);
    });
  });

  describe("functions", () => {
    test("are those of the blueprint, with its timeouts, memory and environment", () => {
      expect(all(graph, "aws:lambda/function:Function")).toHaveLength(names.length);
      for (const { id, name, engine } of DEPLOYED) {
        const { timeoutSeconds, memoryMegabytes, environment } = FUNCTIONS[name];
        const { inputs } = lambda(id);
        expect(inputs).toMatchObject({ timeout: timeoutSeconds, memorySize: memoryMegabytes });
        expect(inputs).toMatchObject({ runtime: "nodejs24.x", architectures: ["arm64"] });
        const given = Object.keys(inputs.environment.variables).filter((each) => !each.startsWith("SST_"));
        const optional = [
          ...["TARGET_TIMEOUT_MS", "CONFIRM_PAUSE_MS", "GATE_FIRST_PAUSE_MS"],
          ...(stage === "production" ? [] : ["CHAT_TOPIC_ARN"]),
        ];
        const lambdas = engine === undefined ? [] : ["NODE_EXTRA_CA_CERTS"];
        expect(inputs.environment.variables.ENGINE, id).toBe(engine);
        const wanted = environment.filter((each) => !optional.includes(each));
        expect(given.sort(), id).toEqual([...wanted, ...lambdas].sort());
      }
    });

    test("trust Amazon's authorities where they speak to a database: RDS has its certificates from there", () => {
      for (const name of withDriver) {
        expect(lambda(name).inputs.environment.variables.NODE_EXTRA_CA_CERTS, name).toBe("/var/runtime/ca-cert.pem");
      }
    });

    test("are told the ARNs and names of what is there", () => {
      const arn = (type: string, name: string, service: string, kind = "") =>
        `arn:aws:${service}:eu-west-1:${ACCOUNT}:${kind}${one(graph, type, name).inputs.name}`;
      const values: Readonly<Record<string, string>> = {
        STAGE: stage,
        STATE_MACHINE_ARN: arn("aws:sfn/stateMachine:StateMachine", "workflow", "states", "stateMachine:"),
        GATE_FUNCTION_ARN: lambdaArn("gate"),
        DEPENDENTS_FUNCTION_ARN: lambdaArn("dependents"),
        ROLL_BACK_FUNCTION_ARN: lambdaArn("roll-back"),
        HEARTBEAT_SECRET_ARN: `${arn("aws:secretsmanager/secret:Secret", "heartbeat", "secretsmanager", "secret:")}-AbCdEf`,
        ROTATION_BUS_NAME: one(graph, "aws:cloudwatch/eventBus:EventBus", "bus").inputs.name,
        EVENTS_TOPIC_ARN: arn("aws:sns/topic:Topic", "topic-events", "sns"),
        EMAIL_TOPIC_ARN: arn("aws:sns/topic:Topic", "topic-email", "sns"),
        ...(stage === "production" ? { CHAT_TOPIC_ARN: arn("aws:sns/topic:Topic", "topic-chat", "sns") } : {}),
        NODE_EXTRA_CA_CERTS: "/var/runtime/ca-cert.pem",
        DIGEST: "weekly",
        ERROR_RUNBOOK_URL: "https://runbooks.example.com/rotor/runbooks",
        DEFINITION_DIGEST: definitionDigest(readFileSync(definitionFile, "utf8")),
      };
      for (const name of names) {
        const variables: Record<string, string> = lambda(name).inputs.environment.variables;
        for (const [key, value] of Object.entries(variables).filter(
          ([key]) => !key.startsWith("SST_") && key !== "ENGINE",
        )) {
          expect([`${name}.${key}`, value]).toEqual([`${name}.${key}`, values[key]]);
        }
      }
    });

    test("build, and export their handler", async () => {
      for (const name of names) {
        const built = graph.functions[name];
        expect(built?.errors, name).toEqual([]);
        expect(readFileSync(join(built?.directory ?? "", "bundle.mjs"), "utf8"), name).toMatch(
          /export\{[^}]*\bas handler\b/,
        );
      }
    });

    test("write to a log of their own, which is kept for a limited time", () => {
      const groups = all(graph, "aws:cloudwatch/logGroup:LogGroup");
      expect(groups).toHaveLength(names.length + 1);
      for (const { inputs } of groups) expect(inputs.retentionInDays).toBe(stage === "production" ? 365 : 14);
      for (const name of names) {
        expect(lambda(name).inputs.loggingConfig).toEqual({
          logFormat: "JSON",
          logGroup: `/aws/lambda/rotor-${stage}-${name}`,
        });
      }
    });

    test("reserve no concurrency: what a deployment takes from the account is left to the account", () => {
      for (const name of names) expect(lambda(name).inputs.reservedConcurrentExecutions, name).toBeUndefined();
    });

    test("that events call have a destination for what they fail on", () => {
      const configured = all(graph, "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig").map(
        ({ inputs }) => inputs,
      );
      expect(configured.map(({ functionName }) => functionName).sort()).toEqual(
        ON_FAILURE.functions.map((name) => `rotor-${stage}-${name}`).sort(),
      );
      for (const inputs of configured) {
        expect(inputs.maximumRetryAttempts).toBe(ON_FAILURE.maximumRetryAttempts);
        expect(inputs.destinationConfig.onFailure.destination).toBe(queueArn);
      }
    });

    test("stand in the network that the deployment declares, and only those that reach targets or dependents", () => {
      const inNetwork = names.filter((name) => lambda(name).inputs.vpcConfig !== undefined);
      const speak = withDriver.filter((id) => !id.endsWith("-lambda"));
      expect(inNetwork.sort()).toEqual(stage === "production" ? ["dependents", ...speak].sort() : []);
      if (stage !== "production") return;
      expect(lambda("dependents").inputs.vpcConfig).toEqual({
        ...{ subnetIds: ["subnet-0a1b2c3d"], securityGroupIds: ["sg-0123456789abcdef0"] },
      });
      const networks = {
        postgresql: { subnetIds: ["subnet-0a1b2c3d", "subnet-0123456789abcdef0"], securityGroupIds: ["sg-0a1b2c3d"] },
        mariadb: { subnetIds: ["subnet-0b1b2c3d"], securityGroupIds: ["sg-0b1b2c3d"] },
        redis: { subnetIds: ["subnet-0c1b2c3d"], securityGroupIds: ["sg-0c1b2c3d"] },
        // Speaks to AWS alone.
        lambda: undefined,
      };
      for (const { id, engine } of DEPLOYED) {
        if (engine !== undefined) expect(lambda(id).inputs.vpcConfig, id).toEqual(networks[engine]);
      }
    });
  });

  describe("rules", () => {
    test("every rule has one target on its own bus, with retries and dead letters", () => {
      expect(targets).toHaveLength(rules.length);
      for (const { inputs: rule } of rules) {
        const own = targets.filter(({ inputs }) => inputs.rule === rule.name);
        expect(own, rule.name).toHaveLength(1);
        expect(own[0]?.inputs).toMatchObject({
          retryPolicy: {
            maximumRetryAttempts: DELIVERY.maximumRetryAttempts,
            maximumEventAgeInSeconds: DELIVERY.maximumEventAgeSeconds,
          },
          deadLetterConfig: { arn: queueArn },
        });
        expect(own[0]?.inputs.eventBusName, rule.name).toBe(rule.eventBusName);
        expect(rule.state, "enabled").toBeUndefined();
        expect(own[0]?.inputs.input ?? own[0]?.inputs.inputTransformer, "the input is the whole event").toBeUndefined();
      }
    });

    test("no event comes before its function may be called and the queue takes what fails", () => {
      const policy = one(graph, "aws:sqs/queuePolicy:QueuePolicy", "dead-letters-policy").urn;
      const permissions = all(graph, "aws:lambda/permission:Permission");
      for (const { inputs, name, dependsOn } of targets) {
        const wanted = permissions.filter(({ inputs: { sourceArn = "" } }) => sourceArn.endsWith(`/${inputs.rule}`));
        expect(wanted, name).toHaveLength(inputs.arn.includes(":lambda:") ? 1 : 0);
        expect(dependsOn, name).toEqual(expect.arrayContaining([policy, ...wanted.map(({ urn }) => urn)]));
      }
    });

    test("what is not heard is kept for two weeks, encrypted", () => {
      const queue = one(graph, "aws:sqs/queue:Queue", "dead-letters").inputs;
      expect(queue.messageRetentionSeconds).toBe(14 * 86_400);
      expect(queue.sqsManagedSseEnabled).toBe(stage === "production" ? undefined : true);
    });

    test("schedules are those of the blueprint", () => {
      const scheduled = rules.filter(({ inputs }) => inputs.scheduleExpression !== undefined);
      expect(scheduled.map(({ inputs }) => [inputs.name, inputs.scheduleExpression])).toEqual(
        SCHEDULES.map(({ name, expression }) => [`rotor-${stage}-${name}-schedule`, expression]),
      );
    });
  });

  describe("the state machine", () => {
    const machine = one(graph, "aws:sfn/stateMachine:StateMachine", "workflow").inputs;
    const definition = JSON.parse(machine.definition);

    test("is the definition of the repository, with the functions' ARNs in place of its placeholders, and valid", () => {
      const file = readFileSync(definitionFile, "utf8");
      const substitutions: Readonly<Record<string, string>> = STATE_MACHINE.substitutions;
      const filled = file.replace(/\$\{(\w+)\}/g, (_all, placeholder: string) =>
        lambdaArn(substitutions[placeholder] ?? "?"),
      );
      expect(definition).toEqual(JSON.parse(filled));
      const result = validate(definition, { checkArn: true, checkPaths: true });
      expect(result.isValid, result.errorsText()).toBe(true);
      expect(machine.type).toBe("STANDARD");
    });

    test("logs every event without what states carry", () => {
      expect(machine.loggingConfiguration).toEqual({
        ...{ level: "ALL", includeExecutionData: false },
        logDestination: `arn:aws:logs:eu-west-1:${ACCOUNT}:log-group:/aws/vendedlogs/states/rotor-${stage}-rotation:*`,
      });
      expect(machine.tracingConfiguration).toEqual({ enabled: true });
    });

    test("SDK request < Lambda < task, and a repair waits longer than any task's function, for every task", () => {
      const tasks = tasksOf(definition.States);
      expect(tasks.length).toBeGreaterThan(15);
      for (const [name, { Arguments, TimeoutSeconds }] of tasks) {
        const called = names.find((each) =>
          [lambdaArn(each), ofItsEngine(lambdaArn(each))].includes(Arguments.FunctionName),
        );
        const { timeout } = lambda(called ?? "?").inputs;
        expect(SDK_REQUEST.attempts * SDK_REQUEST.requestMs, name).toBeLessThan(timeout * 1000);
        expect(timeout, name).toBeLessThan(TimeoutSeconds);
      }
    });
  });

  describe("secrets", () => {
    const rotations = all(graph, "aws:secretsmanager/secretRotation:SecretRotation");

    test("native policies have the gate of their engine as their rotation function, by their own rules or every 30 days, and do not rotate at once", () => {
      const secret = (name: string) => `arn:aws:secretsmanager:eu-west-1:123456789012:secret:${name}-AbCdEf`;
      const common = { rotationLambdaArn: lambdaArn("gate"), rotateImmediately: false };
      const rotationRules = { automaticallyAfterDays: 30 };
      expect(rotations.map(({ inputs }) => inputs)).toEqual([
        { ...common, secretId: secret("billing/db"), rotationRules },
        {
          ...common,
          secretId: secret("orders/db"),
          rotationRules: { scheduleExpression: "cron(0 2 ? * SUN *)", duration: "3h" },
        },
        { ...common, secretId: secret("partner/key"), rotationRules, rotationLambdaArn: lambdaArn("gate-lambda") },
        { ...common, secretId: secret("shop/db"), rotationRules, rotationLambdaArn: lambdaArn("gate-mariadb") },
      ]);
    });

    test("a rotation is bound to the ARN whatever the policy says, and is not cancelled by its own replacement", () => {
      expect(rotations.map(({ name }) => name)).toEqual([
        "rotation-of-billing/db-AbCdEf",
        "rotation-of-orders/db-AbCdEf",
        "rotation-of-partner/key-AbCdEf",
        "rotation-of-shop/db-AbCdEf",
      ]);
      for (const { deleteBeforeReplace, name } of rotations) expect(deleteBeforeReplace, name).toBe(true);
    });

    test("Secrets Manager may call the gates before any secret is given one", () => {
      for (const gate of ["gate", "gate-lambda", "gate-mariadb", "gate-redis"]) {
        const permission = one(graph, "aws:lambda/permission:Permission", `secretsmanager-invokes-${gate}`);
        for (const { dependsOn, name } of rotations) expect(dependsOn, name).toContain(permission.urn);
      }
    });

    test("a rotation is turned on when all that it needs is there, and off before any of it goes", () => {
      const machine = one(graph, "aws:sfn/stateMachine:StateMachine", "workflow");
      const needed = [machine, ...targets.filter(({ inputs }) => inputs.arn.includes(":lambda:"))].map(
        ({ urn }) => urn,
      );
      for (const { dependsOn, name } of rotations) expect(dependsOn, name).toEqual(expect.arrayContaining(needed));
    });

    test("the heartbeat's secret holds nothing, and its tags are left to the functions", () => {
      const { ignoreChanges, inputs } = one(graph, "aws:secretsmanager/secret:Secret", "heartbeat");
      expect(inputs.recoveryWindowInDays).toBe(0);
      expect(ignoreChanges).toEqual(expect.arrayContaining(["tags", "tagsAll"]));
      expect(all(graph, "aws:secretsmanager/secretVersion:SecretVersion")).toEqual([]);
    });
  });

  describe("rehearsals", () => {
    test("what this account rehearses goes to declared buses only", () => {
      const foreign = targets.filter(({ inputs }) => inputs.arn.includes(":event-bus/"));
      const declared =
        stage === "production" ? ["arn:aws:events:eu-west-1:345678901234:event-bus/rotor-production-rotation"] : [];
      expect(foreign.map(({ inputs }) => inputs.arn)).toEqual(declared);
      for (const { inputs } of foreign)
        expect(inputs.roleArn).toMatch(/role\/rotor-production-rehearses-for-1-eu-west-1$/);
    });
  });

  describe("topics", () => {
    test("with a key of the customer's topics, queue, logs and history are encrypted with it", () => {
      const key = stage === "production" ? expect.stringContaining("key/22222222") : undefined;
      for (const { inputs } of all(graph, "aws:sns/topic:Topic")) {
        expect(inputs).toEqual({ name: expect.any(String), kmsMasterKeyId: key });
      }
      for (const { inputs } of all(graph, "aws:cloudwatch/logGroup:LogGroup")) expect(inputs.kmsKeyId).toEqual(key);
      expect(one(graph, "aws:sqs/queue:Queue", "dead-letters").inputs.kmsMasterKeyId).toEqual(key);
      const { encryptionConfiguration } = one(graph, "aws:sfn/stateMachine:StateMachine", "workflow").inputs;
      expect(encryptionConfiguration).toEqual(
        key && { type: "CUSTOMER_MANAGED_KMS_KEY", kmsKeyId: key, kmsDataKeyReusePeriodSeconds: 300 },
      );
    });
  });
});

test("both stages have the same resources, but for what only production declares", () => {
  const shape = (graph: Graph) =>
    graph.resources.map(({ type, name }) => `${type} ${name.replace(graph.app.stage, "")}`);
  const more = shape(graphs.production).filter((each) => !shape(graphs.dev).includes(each));
  expect(shape(graphs.dev).filter((each) => !shape(graphs.production).includes(each))).toEqual([]);
  // Its rule for rehearsals is the eleventh, and an alarm is for ten.
  expect(more.filter((each) => !/rehearses-for-1|alarm-dead-letters-lost-2|topic-chat/.test(each))).toEqual([]);
});

interface State {
  readonly Type: string;
  readonly TimeoutSeconds: number;
  readonly Arguments: { readonly FunctionName: string };
  readonly ItemProcessor?: { readonly States: Readonly<Record<string, State>> };
}

function tasksOf(states: Readonly<Record<string, State>>): readonly (readonly [string, State])[] {
  return Object.entries(states).flatMap(([name, state]): readonly (readonly [string, State])[] => [
    ...(state.Type === "Task" ? [[name, state] as const] : []),
    ...tasksOf(state.ItemProcessor?.States ?? {}),
  ]);
}

/** The definition adds what the names of its engine's functions end with. */
function ofItsEngine(arn: string): string {
  return `{% '${arn}' & $plan.functionSuffix %}`;
}
