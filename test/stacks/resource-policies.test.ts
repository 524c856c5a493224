import { describe, expect, inject, test } from "vitest";
import { all, one } from "./harness/graph.ts";

/** What others may do with what is deployed: every policy of a resource, whole, so that nothing can be added unseen. */
const graphs = inject("graphs");
const ACCOUNT = "123456789012";

describe.each(["dev", "production"] as const)("stage %s", (stage) => {
  const graph = graphs[stage];
  const arn = (service: string, resource: string) => `arn:aws:${service}:eu-west-1:${ACCOUNT}:${resource}`;
  const bus = `rotor-${stage}-rotation`;
  const statementsOf = (policy: string) => {
    const { Version, Statement, ...others } = JSON.parse(policy);
    expect([Version, others]).toEqual(["2012-10-17", {}]);
    return Statement;
  };

  test("topics take nothing without TLS, and from a service only this stage's alarms, on their own topic", () => {
    const policies = all(graph, "aws:sns/topicPolicy:TopicPolicy").map(({ inputs }) => inputs);
    const topics = ["alarms", ...(stage === "production" ? ["chat"] : []), "email", "events"];
    const topicArns = topics.map((name) => arn("sns", `${bus}-${name}`));
    expect(policies.map((each) => each.arn).sort()).toEqual(topicArns);
    for (const { arn: Resource, policy } of policies) {
      const tls = {
        ...{ Sid: "OnlyEncrypted", Effect: "Deny", Principal: "*", Action: "sns:Publish", Resource },
        Condition: { Bool: { "aws:SecureTransport": "false" } },
      };
      const alarms = {
        ...{ Sid: "Alarms", Effect: "Allow", Principal: { Service: "cloudwatch.amazonaws.com" } },
        ...{ Action: "sns:Publish", Resource },
        Condition: {
          StringEquals: { "aws:SourceAccount": ACCOUNT },
          ArnLike: { "aws:SourceArn": arn("cloudwatch", `alarm:rotor-${stage}-*`) },
        },
      };
      expect(statementsOf(policy), Resource).toEqual(Resource.endsWith("-alarms") ? [tls, alarms] : [tls]);
    }
  });

  test("the queue takes messages of exactly the rules there are", () => {
    const ruleArns = all(graph, "aws:cloudwatch/eventRule:EventRule").map(({ inputs }) =>
      arn("events", `rule/${inputs.eventBusName === undefined ? "" : `${inputs.eventBusName}/`}${inputs.name}`),
    );
    const [statement, ...others] = statementsOf(
      one(graph, "aws:sqs/queuePolicy:QueuePolicy", "dead-letters-policy").inputs.policy,
    );
    expect(others).toEqual([]);
    const sources = statement.Condition.ArnEquals["aws:SourceArn"];
    expect([...sources].sort()).toEqual(ruleArns.sort());
    expect(statement).toEqual({
      ...{ Sid: "Rules", Effect: "Allow", Principal: { Service: "events.amazonaws.com" }, Action: "sqs:SendMessage" },
      Resource: arn("sqs", `${bus}-dead-letters`),
      Condition: { StringEquals: { "aws:SourceAccount": ACCOUNT }, ArnEquals: { "aws:SourceArn": sources } },
    });
  });

  test("on the rotation bus nobody but Rotor tells what it tells, nobody but declared requesters asks, and of other accounts those that rehearse, two events", () => {
    const Resource = arn("events", `event-bus/${bus}`);
    const role = (name: string, account = ACCOUNT) => `arn:aws:iam::${account}:role/${name}`;
    const rehearsing = role("rotor-*-rehearses-for-*", "210987654321");
    const own = ["dispatch", "notify", "reconcile"].map((name) => role(`rotor-${stage}-${name}-eu-west-1`));
    const onlyRequesters = {
      ...{ Sid: "OnlyRequestersAsk", Effect: "Deny", Principal: "*", Action: "events:PutEvents", Resource },
      Condition: {
        StringEquals: { "events:detail-type": ["Rotation Requested", "Repair Requested", "Rehearsal Requested"] },
        ArnNotLike: { "aws:PrincipalArn": [...own, role("platform-*")] },
      },
    };
    const policies = all(graph, "aws:cloudwatch/eventBusPolicy:EventBusPolicy").map(({ inputs }) => inputs);
    expect(policies.map(({ eventBusName, policy }) => [eventBusName, statementsOf(policy)])).toEqual([
      [
        bus,
        [
          {
            ...{ Sid: "OnlyRotorTells", Effect: "Deny", Principal: "*", Action: "events:PutEvents", Resource },
            Condition: {
              StringEquals: { "events:source": "rotor.rotation" },
              ArnNotLike: { "aws:PrincipalArn": [...own, rehearsing] },
            },
          },
          ...(stage === "production" ? [onlyRequesters] : []),
          {
            ...{ Sid: "Rehearsals", Effect: "Allow", Principal: { AWS: ["arn:aws:iam::210987654321:root"] } },
            ...{ Action: "events:PutEvents", Resource },
            Condition: {
              StringEquals: {
                "events:source": "rotor.rotation",
                "events:detail-type": ["Rotation Succeeded", "Rotation Rolled Back"],
              },
              ArnLike: { "aws:PrincipalArn": [rehearsing] },
            },
          },
        ],
      ],
    ]);
  });

  test("EventBridge may call each function for one rule, Secrets Manager the gates for this account, and nobody anything else", () => {
    const targets = all(graph, "aws:cloudwatch/eventTarget:EventTarget").map(({ inputs }) => inputs);
    const common = { action: "lambda:InvokeFunction" };
    const rules = targets
      .filter((target) => target.arn.includes(":lambda:"))
      .map((target) => ({
        ...common,
        function: target.arn.split(":").at(-1),
        principal: "events.amazonaws.com",
        sourceArn: arn(
          "events",
          `rule/${target.eventBusName === undefined ? "" : `${target.eventBusName}/`}${target.rule}`,
        ),
      }));
    const gates = ["", "-lambda", "-mariadb", "-redis"].map((suffix) => ({
      ...{ ...common, function: `rotor-${stage}-gate${suffix}`, principal: "secretsmanager.amazonaws.com" },
      sourceAccount: ACCOUNT,
    }));
    const permissions = all(graph, "aws:lambda/permission:Permission").map(({ inputs }) => inputs);
    const bySource = (a: object, b: object) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1);
    expect(permissions.sort(bySource)).toEqual([...rules, ...gates].sort(bySource));
    const others = graph.resources.filter(({ type }) => /Policy$|UrlConfig|permission:/i.test(type));
    expect([...new Set(others.map(({ type }) => type))].sort()).toEqual([
      "aws:cloudwatch/eventBusPolicy:EventBusPolicy",
      "aws:lambda/permission:Permission",
      "aws:sns/topicPolicy:TopicPolicy",
      "aws:sqs/queuePolicy:QueuePolicy",
    ]);
  });
});
