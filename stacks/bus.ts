import { EVENT_SOURCE, FUNCTIONS, type FunctionName, ROTATION_BUS } from "../core/blueprint.ts";
import { REQUESTS } from "../core/events.ts";
import type { Grants } from "./grants.ts";
import type { Names } from "./names.ts";

/** What a rehearsal tells the accounts that it was made for: the only events that cross accounts. */
export const REHEARSED = ["Rotation Succeeded", "Rotation Rolled Back"];

/** The roles of any stage and Region by which an account tells what it has rehearsed. */
const REHEARSING_ROLES = `${$app.name}-*-rehearses-for-*`;

const FUNCTION_NAMES = Object.keys(FUNCTIONS) as FunctionName[];

/** The bus that operators and accounts ask on, and on which outcomes are told. */
export function createBus(grants: Grants): aws.cloudwatch.EventBus {
  const { names } = grants;
  const bus = new aws.cloudwatch.EventBus("bus", { name: names.of(ROTATION_BUS) });
  new aws.cloudwatch.EventBusPolicy("bus-policy", {
    eventBusName: bus.name,
    policy: JSON.stringify({ Version: "2012-10-17", Statement: [...denials(grants), ...rehearsals(grants)] }),
  });
  return bus;
}

/**
 * Whoever may put events on every bus of the account may ask for a rotation, unless the deployment says who may; but nobody may
 * forge what Rotor itself tells: outcomes, incidents and rehearsals, which others act on.
 */
function denials(grants: Grants): readonly object[] {
  const { names, deployment } = grants;
  const own = FUNCTION_NAMES.filter((name) => FUNCTIONS[name].actions.some((action) => action === "events:PutEvents"));
  const ours = own.map((name) => roleArn(names, names.account, names.acrossRegions(name)));
  const rehearsing = rehearsingAccounts(grants).map((account) => roleArn(names, account, REHEARSING_ROLES));
  const unless = (Sid: string, StringEquals: object, principals: readonly string[]) => ({
    ...{ Sid, Effect: "Deny", Principal: "*", Action: "events:PutEvents", Resource: busArn(names) },
    Condition: { StringEquals, ArnNotLike: { "aws:PrincipalArn": principals } },
  });
  const tell = unless("OnlyRotorTells", { "events:source": EVENT_SOURCE }, [...ours, ...rehearsing]);
  if (deployment.requesters === undefined) return [tell];
  const asked = { "events:detail-type": REQUESTS };
  return [tell, unless("OnlyRequestersAsk", asked, [...ours, ...deployment.requesters])];
}

function rehearsals(grants: Grants): readonly object[] {
  const { names } = grants;
  const accounts = rehearsingAccounts(grants);
  if (accounts.length === 0) return [];
  return [
    {
      Sid: "Rehearsals",
      Effect: "Allow",
      Principal: { AWS: accounts.map((account) => `arn:${names.partition}:iam::${account}:root`) },
      Action: "events:PutEvents",
      Resource: busArn(names),
      Condition: {
        StringEquals: { "events:source": EVENT_SOURCE, "events:detail-type": REHEARSED },
        ArnLike: {
          "aws:PrincipalArn": accounts.map((account) => roleArn(names, account, REHEARSING_ROLES)),
        },
      },
    },
  ];
}

function roleArn({ partition }: Names, account: string, name: string): string {
  return `arn:${partition}:iam::${account}:role/${name}`;
}

function busArn(names: Names): string {
  return names.arn("events", `event-bus/${names.of(ROTATION_BUS)}`);
}

/** Other accounts that rehearse for this one. */
function rehearsingAccounts({ names, policies }: Grants): readonly string[] {
  const accounts = policies.flatMap(({ rehearsal }) => rehearsal?.accounts ?? []);
  return [...new Set(accounts)].filter((account) => account !== names.account).sort();
}
