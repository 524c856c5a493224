import { describe, expect, inject, test } from "vitest";
import { FUNCTIONS, type FunctionName } from "../../core/blueprint.ts";
import { ENGINES, type EngineBlueprint } from "../../core/engines.ts";
import { DEPLOYED } from "./fixtures/functions.ts";
import { all, type Graph } from "./harness/graph.ts";
import { renderIam } from "./iam-document.ts";
import { DENIALS, ROLES, type RoleName, type Row, type Scope } from "./iam-table.ts";

const graphs = inject("graphs");
const STAGES = ["dev", "production"] as const;
const DECLARED_IN_PRODUCTION_ONLY: readonly Row["only"][] = [
  "a network is declared",
  "the deployment has a key",
  "it rehearses for an account",
];

interface Statement {
  readonly Effect: string;
  readonly Action: readonly string[];
  readonly Resource: readonly string[];
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

describe.each(STAGES)("roles of stage %s", (stage) => {
  const graph = graphs[stage];
  const others = (Object.keys(ROLES) as RoleName[]).filter((name) => !(name in FUNCTIONS));
  const names = [...DEPLOYED.map(({ id }) => id), ...others].filter((name) => rowsOf(name, stage).length > 0);

  test.each(names)("%s may do what the table says, on what it says, and nothing else", (name) => {
    const expected = rowsOf(name, stage).flatMap(({ actions, on }) =>
      actions.flatMap((action) => resources(on, stage, name).map((resource) => `${action} on ${resource}`)),
    );
    expect(grantsOf(graph, name)).toEqual([...new Set(expected)].sort());
  });

  test.each(names)(
    "%s is allowed it without a condition, but keys through services and what the table provides, and denied what it says",
    (name) => {
      const conditions = statementsOf(graph, name).flatMap(({ Action, Condition }) =>
        Condition === undefined ? [] : Action.map((action) => `${action} ${JSON.stringify(Condition)}`),
      );
      const expected = rowsOf(name, stage).flatMap((row) =>
        conditionsOf(row).flatMap((condition) => row.actions.map((action) => `${action} ${JSON.stringify(condition)}`)),
      );
      expect([...new Set(conditions)].sort()).toEqual([...new Set(expected)].sort());

      const denied = statementsOf(graph, name, "Deny").map(({ Action, Resource, Condition }) => ({
        ...{ actions: Action, resources: Resource, condition: Condition },
      }));
      const network = rowsOf(name, stage).filter(({ only }) => only === "a network is declared");
      expect(denied).toEqual([
        ...(DENIALS[rowName(name)] ?? []).map(({ actions, condition }) => ({ actions, resources: ["*"], condition })),
        ...network.map(({ actions }) => ({ actions, resources: ["*"], condition: byTheFunction(stage, name) })),
      ]);
      const others = statementsOf(graph, name, "").filter(({ Effect }) => Effect !== "Allow" && Effect !== "Deny");
      expect(others).toEqual([]);
    },
  );

  test("there is no role besides, and none has a managed policy", () => {
    const roles = all(graph, "aws:iam/role:Role");
    expect(roles.map(({ inputs }) => inputs.name).sort()).toEqual(
      names.map((name) => `rotor-${stage}-${name}-eu-west-1`).sort(),
    );
    for (const { inputs } of roles) expect(inputs.managedPolicyArns ?? []).toEqual([]);
    expect(all(graph, "aws:iam/rolePolicyAttachment:RolePolicyAttachment")).toEqual([]);
  });

  test("every action of a function's row in the blueprint is granted, and what is granted besides has a reason of its own", () => {
    for (const { id: name, name: row, engine } of DEPLOYED) {
      const actions = new Set(grantsOf(graph, name).map((each) => each.split(" ")[0] ?? ""));
      const own = [...actions].filter((each) => !/^(logs|sqs|ec2|kms):/.test(each));
      const { actions: ofEngine = {} }: EngineBlueprint = ENGINES[engine ?? "postgresql"];
      const implied = [...(IMPLIED[row] ?? []), ...(ofEngine[row] ?? [])];
      expect(own.sort(), name).toEqual([...FUNCTIONS[row].actions, ...implied].sort());
    }
  });

  test("only gate, rotate and roll-back may read a value, and dependents its keys for signing", () => {
    const keys = resources("the keys for signing", stage, "dependents");
    const readers = DEPLOYED.map(({ id }) => id).filter((name) =>
      grantsOf(graph, name).some(
        (each) =>
          /^(secretsmanager:(Get|BatchGet)SecretValue|secretsmanager:\*|\*) /.test(each) &&
          !(name === "dependents" && keys.some((key) => each.endsWith(` on ${key}`))),
      ),
    );
    const wanted = ["", "-lambda", "-mariadb", "-redis"].flatMap((suffix) => [
      `gate${suffix}`,
      `roll-back${suffix}`,
      `rotate${suffix}`,
    ]);
    expect(readers.sort()).toEqual(wanted.sort());
  });

  test("no role may delete a secret, change its policy or end its schedule", () => {
    const forbidden =
      /secretsmanager:(Delete|PutResourcePolicy|CancelRotate|Restore|Update(?!SecretVersionStage))|iam:|sts:/;
    for (const name of names)
      expect(
        grantsOf(graph, name).filter((each) => forbidden.test(each)),
        name,
      ).toEqual([]);
  });

  test("a function's role is trusted by Lambda alone; the others by their service, for the one resource of this account", () => {
    for (const { inputs } of all(graph, "aws:iam/role:Role")) {
      const trust =
        typeof inputs.assumeRolePolicy === "string" ? JSON.parse(inputs.assumeRolePolicy) : inputs.assumeRolePolicy;
      const own = inputs.name.replace(`rotor-${stage}-`, "").replace("-eu-west-1", "");
      const [service, source] =
        own === "workflow"
          ? ["states.amazonaws.com", `states:eu-west-1:123456789012:stateMachine:rotor-${stage}-rotation`]
          : [
              "events.amazonaws.com",
              `events:eu-west-1:123456789012:rule/rotor-${stage}-rotation/rotor-${stage}-${own}`,
            ];
      const isFunctions = rowName(own) in FUNCTIONS;
      const Condition = {
        StringEquals: { "aws:SourceAccount": "123456789012" },
        ArnEquals: { "aws:SourceArn": `arn:aws:${source}` },
      };
      expect(trust.Statement, own).toEqual([
        {
          ...{ Effect: "Allow", Action: "sts:AssumeRole" },
          Principal: { Service: isFunctions ? "lambda.amazonaws.com" : service },
          ...(isFunctions ? { Sid: "AllowAssumeRole" } : { Condition }),
        },
      ]);
    }
  });
});

test("docs/iam.md is written from the table", async () => {
  const file = new URL("../../docs/iam.md", import.meta.url);
  // `npm run test:stacks -- iam -u` writes it anew.
  await expect(renderIam()).toMatchFileSnapshot(file.pathname);
});

/** What is granted besides a function's row in the blueprint. */
const IMPLIED: Readonly<Partial<Record<FunctionName, readonly string[]>>> = {
  dispatch: ["lambda:InvokeFunction"],
  dependents: ROLES.dependents
    .filter(({ only }) => only?.startsWith("a dependent") === true)
    .flatMap(({ actions }) => actions),
};

/** As IAM has what a row says of a request. */
function conditionsOf({ through, provided }: Row): readonly object[] {
  if (through === undefined) return provided?.conditions ?? [];
  return [{ StringEquals: { "kms:ViaService": through.map((each) => `${each}.eu-west-1.amazonaws.com`) } }];
}

/** The row of a function is that of each engine's. */
function rowName(role: string): RoleName {
  const suffix = Object.values(ENGINES)
    .map((each) => each.suffix)
    .find((each) => each !== "" && role.endsWith(each));
  return (suffix === undefined ? role : role.slice(0, -suffix.length)) as RoleName;
}

function rowsOf(role: string, stage: (typeof STAGES)[number]): readonly Row[] {
  const own = ROLES[rowName(role)].filter(({ engine }) => engine === undefined || role.endsWith(`-${engine}`));
  const rows = own.filter(
    ({ on, except }) => resources(on, stage, role).length > 0 && !(except && role.endsWith(`-${except}`)),
  );
  return rows.filter(({ only }) => stage === "production" || !DECLARED_IN_PRODUCTION_ONLY.includes(only));
}

function statementsOf(graph: Graph, name: string, effect = "Allow"): readonly Statement[] {
  const full = `rotor-${graph.app.stage}-${name}-eu-west-1`;
  const role = all(graph, "aws:iam/role:Role").find(({ inputs }) => inputs.name === full);
  const policies: readonly { policy: string }[] = role?.inputs.inlinePolicies ?? [];
  const statements = policies.flatMap(({ policy }) => (JSON.parse(policy) as { Statement: Statement[] }).Statement);
  return effect === "" ? statements : statements.filter(({ Effect }) => Effect === effect);
}

/** The function's own code: Lambda itself makes the network interfaces. */
function byTheFunction(stage: string, name: string) {
  return {
    ArnEquals: { "lambda:SourceFunctionArn": `arn:aws:lambda:eu-west-1:123456789012:function:rotor-${stage}-${name}` },
  };
}

function grantsOf(graph: Graph, name: string): readonly string[] {
  const pairs = statementsOf(graph, name).flatMap(({ Action, Resource }) =>
    Action.flatMap((action) => Resource.map((resource) => `${action} on ${resource}`)),
  );
  return [...new Set(pairs)].sort();
}

/** The ARNs of a scope, by the fixtures' policies: written out, so that the stacks' own way to them is not what is compared. */
function resources(scope: Scope, stage: string, role: string): readonly string[] {
  const at = (service: string, resource: string) => `arn:aws:${service}:eu-west-1:123456789012:${resource}`;
  const secrets = (...some: string[]) => some.map((name) => at("secretsmanager", `secret:${name}`));
  const lambda = (...some: string[]) => some.map((name) => at("lambda", `function:rotor-${stage}-${name}`));
  const postgresql = secrets("orders/db-AbCdEf", "reports/db-AbCdEf", "billing/db-AbCdEf");
  const mariadb = secrets("shop/db-AbCdEf");
  const redis = secrets("sessions/cache-AbCdEf");
  const watched = secrets("legacy/db-AbCdEf");
  const managed = secrets("rds!db-0f1e2d3c-GhIjKl");
  const every = [...postgresql, ...mariadb, ...redis, ...secrets("partner/key-AbCdEf")];
  const partner = secrets("partner/key-AbCdEf");
  const engines = { "-mariadb": mariadb, "-redis": redis, "-lambda": partner };
  const [, ofEngine] = Object.entries(engines).find(([suffix]) => role.endsWith(suffix)) ?? [];
  // gate and rotate without a suffix are PostgreSQL's; the roll-back without one tidies up for all.
  const own = ofEngine ?? (role === "gate" || role === "rotate" ? postgresql : every);
  const rest = ofEngine === undefined ? watched : [];
  const reports = at("kms", "key/11111111-1111-4111-8111-111111111111");
  const partners = at("kms", "key/55555555-5555-4555-8555-555555555555");
  const ofOthers = role === "roll-back" ? [reports, partners] : [reports];
  const keys = role.endsWith("-lambda") ? [partners] : ofEngine === undefined ? ofOthers : [];
  const administrators: Readonly<Record<string, readonly string[]>> = {
    ...{ rotate: secrets("reports/admin-AbCdEf"), "roll-back": secrets("reports/admin-AbCdEf") },
    ...{ "rotate-mariadb": secrets("shop/admin-AbCdEf"), "roll-back-mariadb": secrets("shop/admin-AbCdEf") },
  };
  const scopes: Readonly<Record<Scope, readonly string[]>> = {
    "secrets that Rotor rotates": own,
    "secrets with a strategy": [...own, ...rest],
    "secrets of policies": [...own, ...rest, ...(ofEngine === undefined ? managed : [])],
    "the administrators' secrets": administrators[role] ?? [],
    "the keys for signing": secrets("rotor/webhook-key-AbCdEf"),
    "every secret of the account": [at("secretsmanager", "secret:*")],
    "the heartbeat's secret": [at("secretsmanager", `secret:rotor-${stage}-rotor/heartbeat-??????`)],
    "the state machine": [at("states", `stateMachine:rotor-${stage}-rotation`)],
    "its executions": [at("states", `execution:rotor-${stage}-rotation:*`)],
    "the rotation bus": [at("events", `event-bus/rotor-${stage}-rotation`)],
    "the buses of accounts it rehearses for": [
      "arn:aws:events:eu-west-1:345678901234:event-bus/rotor-production-rotation",
    ],
    "the topics": ["events", "email", ...(stage === "production" ? ["chat"] : [])].map((topic) =>
      at("sns", `rotor-${stage}-rotation-${topic}`),
    ),
    "the gates": lambda("gate", "gate-mariadb", "gate-redis", "gate-lambda"),
    dependents: lambda("dependents"),
    "roll-back and reconcile": lambda(
      "roll-back",
      "roll-back-mariadb",
      "roll-back-redis",
      "roll-back-lambda",
      "reconcile",
    ),
    "plan, rotate, dependents, roll-back and notify": [
      ...lambda("plan", "dependents", "notify", "rotate", "roll-back"),
      ...lambda("rotate-mariadb", "roll-back-mariadb", "rotate-redis", "roll-back-redis"),
      ...lambda("rotate-lambda", "roll-back-lambda"),
    ],
    "the policies' rotation functions": role.endsWith("-lambda")
      ? [at("lambda", "function:partner-rotation:live")]
      : [],
    "the dead letters": [at("sqs", `rotor-${stage}-rotation-dead-letters`)],
    "its own log group": [at("logs", `log-group:/aws/lambda/rotor-${stage}-${role}:*`)],
    "the secrets' keys": keys,
    "the administrators' keys": ofEngine === undefined ? [at("kms", "key/33333333-3333-4333-8333-333333333333")] : [],
    "the keys of keys for signing": [at("kms", "key/44444444-4444-4444-8444-444444444444")],
    "the ECS services": [at("ecs", "service/production/orders-api"), at("ecs", "service/batch/orders-worker")],
    "tasks of the ECS services' clusters": [at("ecs", "task/production/*"), at("ecs", "task/batch/*")],
    "the Lambda functions": [at("lambda", "function:orders-export"), at("lambda", "function:orders-import")],
    "the Lambda functions that are invoked": [at("lambda", "function:orders-export")],
    "the deployment's key": [at("kms", "key/22222222-2222-4222-8222-222222222222")],
    "*": ["*"],
  };
  return scopes[scope];
}
