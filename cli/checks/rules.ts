import { DescribeRuleCommand, ListTargetsByRuleCommand, TestEventPatternCommand } from "@aws-sdk/client-eventbridge";
import { fromAwsError, hasName } from "../../core/aws.ts";
import { ROTATION_BUS } from "../../core/blueprint.ts";
import { RULES } from "../../core/triggers.ts";
import { buildEvent, EXAMPLE_OF_RULE, type FixtureSubject } from "../fixtures.ts";
import type { Session } from "../session.ts";
import { fixtureSubject } from "../subject.ts";
import { blocking, type Check, type Finding, ok, unseen } from "./check.ts";

/** Whether every rule is there, enabled, has its target, and matches the event that it is there for: EventBridge itself says so. */
export const rules: Check = async (session) => {
  // Without the heartbeat's secret there are no events to try; `trail` says why.
  const subject = await fixtureSubject(session, undefined).catch(() => undefined);
  const looks = RULES.map((rule) =>
    lookAt(session, rule, subject).catch((error: unknown) => [unseen("rules", `Rule ${rule.name}`, error)]),
  );
  const wrong = (await Promise.all(looks)).flat();
  return wrong.length > 0
    ? wrong
    : [
        ok(
          "rules",
          subject === undefined
            ? `All ${RULES.length} rules are enabled. Which events they match could not be tried.`
            : `All ${RULES.length} rules are enabled, and match the events that they are for.`,
        ),
      ];
};

// --- internal ---

async function lookAt(
  { clients: { events }, deployment }: Session,
  { name, bus, target }: (typeof RULES)[number],
  subject: FixtureSubject | undefined,
): Promise<readonly Finding[]> {
  const { busName, functionArn, resourceName } = await deployment();
  const rule = { Name: resourceName(name), EventBusName: bus === ROTATION_BUS ? busName : "default" };
  const say = (says: string, todo: string) => [blocking("rules", `Rule ${rule.Name} ${says}.`, todo)];
  const described = await events.send(new DescribeRuleCommand(rule)).catch((error: unknown) => {
    if (hasName(error, "ResourceNotFoundException")) return undefined;
    throw fromAwsError(error, `events:DescribeRule of ${rule.Name}`);
  });
  if (described?.EventPattern === undefined) return say("is not there", "deploy the stage again");
  if (described.State === "DISABLED")
    return say("is disabled", `aws events enable-rule --name ${rule.Name} --event-bus-name ${rule.EventBusName}`);
  const { Targets = [] } = await events
    .send(new ListTargetsByRuleCommand({ Rule: rule.Name, EventBusName: rule.EventBusName }))
    .catch((error: unknown) => Promise.reject(fromAwsError(error, `events:ListTargetsByRule of ${rule.Name}`)));
  if (!Targets.some(({ Arn }) => Arn === functionArn(target)))
    return say(`does not call ${target}`, "deploy the stage again");
  if (subject === undefined) return [];
  const build = EXAMPLE_OF_RULE[name];
  const Event = JSON.stringify(build === undefined ? {} : buildEvent(build, subject));
  const { Result } = await events
    .send(new TestEventPatternCommand({ EventPattern: described.EventPattern, Event }))
    .catch((error: unknown) => Promise.reject(fromAwsError(error, `events:TestEventPattern of ${rule.Name}`)));
  return Result === true ? [] : say("does not match the event that it is for", "deploy the stage again");
}
