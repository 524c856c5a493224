import { describe, expect, inject, test } from "vitest";
import { FUNCTIONS, type FunctionName } from "../../core/blueprint.ts";
import { all, type Graph, one } from "./harness/graph.ts";
import { renderIam } from "./iam-document.ts";
import { ROLES, type RoleName, type Row, type Scope } from "./iam-table.ts";

const graphs = inject("graphs");
const STAGES = ["dev", "production"] as const;
const functionNames = Object.keys(FUNCTIONS) as FunctionName[];
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
  const names = (Object.keys(ROLES) as RoleName[]).filter((name) => rowsOf(name, stage).length > 0);

  test.each(names)("%s may do what the table says, on what it says, and nothing else", (name) => {
    const expected = rowsOf(name, stage).flatMap(({ actions, on }) =>
      actions.flatMap((action) => resources(on, stage, name).map((resource) => `${action} on ${resource}`)),
    );
    expect(grantsOf(graph, name)).toEqual([...new Set(expected)].sort());
  });

  test("there is no role besides, and none has a managed policy", () => {
    const roles = all(graph, "aws:iam/role:Role");
    expect(roles.map(({ inputs }) => inputs.name).sort()).toEqual(names.map((name) => `rotor-${stage}-${name}`).sort());
    for (const { inputs } of roles) expect(inputs.managedPolicyArns ?? []).toEqual([]);
    expect(all(graph, "aws:iam/rolePolicyAttachment:RolePolicyAttachment")).toEqual([]);
  });

  test("every action of a function's row in the blueprint is granted, and what is granted besides has a reason of its own", () => {
    for (const name of functionNames) {
      const actions = new Set(grantsOf(graph, name).map((each) => each.split(" ")[0] ?? ""));
      const own = [...actions].filter((each) => !/^(logs|sqs|ec2|kms):/.test(each));
      const implied = name === "dispatch" ? ["lambda:InvokeFunction"] : [];
      expect(own.sort(), name).toEqual([...FUNCTIONS[name].actions, ...implied].sort());
    }
  });

  test("only gate, rotate and roll-back may read a value", () => {
    const readers = functionNames.filter((name) =>
      grantsOf(graph, name).some((each) =>
        /^(secretsmanager:(Get|BatchGet)SecretValue|secretsmanager:\*|\*) /.test(each),
      ),
    );
    expect(readers.sort()).toEqual(["gate", "roll-back", "rotate"]);
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
      expect(trust.Statement).toHaveLength(1);
      const { Principal, Condition, Action } = trust.Statement[0];
      expect(Action).toBe("sts:AssumeRole");
      const own = inputs.name.replace(`rotor-${stage}-`, "");
      if (own in FUNCTIONS) {
        expect([own, Principal]).toEqual([own, { Service: "lambda.amazonaws.com" }]);
        continue;
      }
      const [service, source] =
        own === "workflow"
          ? ["states.amazonaws.com", one(graph, "aws:sfn/stateMachine:StateMachine", "workflow").inputs.name]
          : ["events.amazonaws.com", own];
      expect([own, Principal]).toEqual([own, { Service: service }]);
      expect(Condition.StringEquals).toEqual({ "aws:SourceAccount": "123456789012" });
      expect(Condition.ArnEquals["aws:SourceArn"]).toMatch(new RegExp(`${source}$`));
      expect(Condition.ArnEquals["aws:SourceArn"]).not.toMatch(/[*?]/);
    }
  });
});

describe("keys", () => {
  const graph = graphs.production;

  test("a key is used through the service that needs it, and by no function directly", () => {
    for (const name of functionNames) {
      for (const statement of statementsOf(graph, name).filter(({ Action }) =>
        Action.some((each) => each.startsWith("kms:")),
      )) {
        const services = statement.Condition?.["StringEquals"]?.["kms:ViaService"] as readonly string[];
        const expected = statement.Resource[0]?.includes("2222")
          ? /^(states|sns|sqs)\.eu-west-1\./
          : /^secretsmanager\.eu-west-1\./;
        expect(services.length, name).toBeGreaterThan(0);
        for (const service of services) expect(service, name).toMatch(expected);
      }
    }
  });

  test("with a network, the function's own code may not make network interfaces", () => {
    for (const name of ["gate", "rotate", "roll-back", "dependents"] as const) {
      const denied = statementsOf(graph, name, "Deny");
      expect(denied, name).toHaveLength(1);
      expect(denied[0]?.Condition).toEqual({
        ArnEquals: {
          "lambda:SourceFunctionArn": `arn:aws:lambda:eu-west-1:123456789012:function:rotor-production-${name}`,
        },
      });
    }
  });
});

test("docs/iam.md is written from the table", async () => {
  const file = new URL("../../docs/iam.md", import.meta.url);
  // `npm run test:stacks -- iam -u` writes it anew.
  await expect(renderIam()).toMatchFileSnapshot(file.pathname);
});

function rowsOf(name: RoleName, stage: (typeof STAGES)[number]): readonly Row[] {
  return ROLES[name].filter(({ only }) => stage === "production" || !DECLARED_IN_PRODUCTION_ONLY.includes(only));
}

function statementsOf(graph: Graph, name: RoleName, effect = "Allow"): readonly Statement[] {
  const full = `rotor-${graph.app.stage}-${name}`;
  const role = all(graph, "aws:iam/role:Role").find(({ inputs }) => inputs.name === full);
  const policies: readonly { policy: string }[] = role?.inputs.inlinePolicies ?? [];
  const statements = policies.flatMap(({ policy }) => (JSON.parse(policy) as { Statement: Statement[] }).Statement);
  return statements.filter(({ Effect }) => Effect === effect);
}

function grantsOf(graph: Graph, name: RoleName): readonly string[] {
  const pairs = statementsOf(graph, name).flatMap(({ Action, Resource }) =>
    Action.flatMap((action) => Resource.map((resource) => `${action} on ${resource}`)),
  );
  return [...new Set(pairs)].sort();
}

/** The ARNs of a scope, by the fixtures' policies: written out, so that the stacks' own way to them is not what is compared. */
function resources(scope: Scope, stage: string, role: RoleName): readonly string[] {
  const at = (service: string, resource: string) => `arn:aws:${service}:eu-west-1:123456789012:${resource}`;
  const rotated = [
    at("secretsmanager", "secret:orders/db-AbCdEf"),
    at("secretsmanager", "secret:reports/db-AbCdEf"),
    at("secretsmanager", "secret:billing/db-AbCdEf"),
  ];
  const lambda = (...names: FunctionName[]) => names.map((name) => at("lambda", `function:rotor-${stage}-${name}`));
  const scopes: Readonly<Record<Scope, readonly string[]>> = {
    "secrets that Rotor rotates": rotated,
    "secrets of policies": [...rotated, at("secretsmanager", "secret:rds!db-0f1e2d3c-GhIjKl")],
    "the administrators' secrets": [at("secretsmanager", "secret:reports/admin-AbCdEf")],
    "every secret of the account": [at("secretsmanager", "secret:*")],
    "the heartbeat's secret": [at("secretsmanager", `secret:rotor-${stage}-rotor/heartbeat-??????`)],
    "the state machine": [at("states", `stateMachine:rotor-${stage}-rotation`)],
    "its executions": [at("states", `execution:rotor-${stage}-rotation:*`)],
    "the rotation bus": [at("events", `event-bus/rotor-${stage}-rotation`)],
    "the buses of accounts it rehearses for": [
      "arn:aws:events:eu-west-1:345678901234:event-bus/rotor-production-rotation",
    ],
    "the topics": [at("sns", `rotor-${stage}-rotation-events`), at("sns", `rotor-${stage}-rotation-email`)],
    "the gate": lambda("gate"),
    "roll-back and reconcile": lambda("roll-back", "reconcile"),
    "plan, rotate, dependents, roll-back and notify": lambda("plan", "rotate", "dependents", "roll-back", "notify"),
    "the dead letters": [at("sqs", `rotor-${stage}-rotation-dead-letters`)],
    "its own log group": [at("logs", `log-group:/aws/lambda/rotor-${stage}-${role}:*`)],
    "the secrets' keys": [at("kms", "key/11111111-1111-4111-8111-111111111111")],
    "the deployment's key": [at("kms", "key/22222222-2222-4222-8222-222222222222")],
    "*": ["*"],
  };
  return scopes[scope];
}
