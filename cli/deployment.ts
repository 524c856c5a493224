import { ListStateMachinesCommand, type SFNClient } from "@aws-sdk/client-sfn";
import { GetCallerIdentityCommand } from "@aws-sdk/client-sts";
import { fromAwsError } from "../core/aws.ts";
import {
  CHAT_TOPIC,
  HEARTBEAT_SECRET_NAME,
  LOCAL_STAGE,
  ROTATION_BUS,
  STATE_MACHINE,
  TOPICS,
} from "../core/blueprint.ts";
import { parseArn } from "../core/place.ts";
import { CliError } from "./cli-error.ts";
import type { Clients } from "./clients.ts";
import { EXIT } from "./exit-status.ts";

/** One stage of Rotor in the account and Region that the credentials are of. */
export interface Deployment {
  readonly account: string;
  readonly region: string;
  readonly partition: string;
  /** Who asks, as AWS knows them. */
  readonly callerArn: string;
  readonly stage: string;
  readonly stateMachineArn: string;
  /** Whether AWS itself answers, and no embedded account. */
  readonly isAws: boolean;
  readonly busName: string;
  readonly heartbeatSecretId: string;
  /** That of a channel is not there where the deployment has none. */
  readonly topicArns: Readonly<Record<(typeof TOPICS)[number] | typeof CHAT_TOPIC, string>>;
  /** @param id of a function, with its engine's suffix if it has one */
  functionArn(id: string): string;
  /** Of what has a name of its own in the account: a rule. */
  resourceName(thing: string): string;
}

/**
 * Finds what is deployed by its state machine, whose name is `<app>-<stage>-rotation`, or `rotation` in an embedded account.
 *
 * @param stage undefined: the only one that there is
 * @throws CliError there is no Region, no such stage, or several and none was named; RotationError AccessDenied, Throttled,
 *   ServiceUnavailable
 */
export async function findDeployment(
  clients: Pick<Clients, "sts" | "sfn">,
  app: string,
  stage: string | undefined,
): Promise<Deployment> {
  const region = await clients.sts.config.region().catch(() => undefined);
  if (region === undefined || region === "") {
    throw new CliError(
      EXIT.environment,
      "No Region is set.",
      "give --region, set AWS_REGION, or choose a --profile that has one",
    );
  }
  const { Account: caller = "", Arn: callerArn = "" } = await clients.sts.send(new GetCallerIdentityCommand({}));
  const here = `account ${caller}, Region ${region}`;
  const listed = await listStateMachines(clients.sfn);
  const stages = stagesIn(listed, app);
  const found = stage ?? onlyOne([...stages.keys()], app, here);
  const stateMachineArn = stages.get(found) ?? "";
  const place = parseArn(stateMachineArn);
  if (place === undefined) {
    const known = stages.size === 0 ? "" : ` There is ${[...stages.keys()].join(", ")}.`;
    throw new CliError(
      EXIT.environment,
      `Stage ${found} of ${app} is not deployed in ${here}.${known}`,
      "name another --stage, or another account with --profile, or deploy it (docs/deploy.md)",
    );
  }
  const { partition, account } = place;
  const prefix = place.resource.slice("stateMachine:".length, -STATE_MACHINE.name.length);
  const arn = (service: string, resource: string) =>
    `arn:${partition}:${service}:${place.region}:${account}:${resource}`;
  const topics = [...TOPICS, CHAT_TOPIC].map((topic) => [topic, arn("sns", `${prefix}${ROTATION_BUS}-${topic}`)]);
  return {
    ...{ account, region: place.region, partition, callerArn, stage: found, stateMachineArn, isAws: listed.isAws },
    busName: `${prefix}${ROTATION_BUS}`,
    heartbeatSecretId: `${prefix}${HEARTBEAT_SECRET_NAME}`,
    topicArns: Object.fromEntries(topics) as Deployment["topicArns"],
    functionArn: (id) => arn("lambda", `function:${prefix}${id}`),
    resourceName: (thing) => `${prefix}${thing}`,
  };
}

/** Who one is, where, and in which stage: said before anything is changed. */
export function identityLine({ account, region, stage, callerArn }: Deployment): string {
  return `${account} (${callerArn.split(":").at(-1)}) · ${region} · stage ${stage}`;
}

// --- internal ---

interface Listed {
  readonly arns: readonly string[];
  /** Whether AWS has answered, and no embedded account. */
  readonly isAws: boolean;
}

async function listStateMachines(sfn: SFNClient): Promise<Listed> {
  const arns: string[] = [];
  let host = "";
  let nextToken: string | undefined;
  do {
    const request = { maxResults: 1000, ...(nextToken === undefined ? {} : { nextToken }) };
    const command = new ListStateMachinesCommand(request);
    // An endpoint may be an option, a variable or the profile's: where the request goes is what counts.
    command.middlewareStack.add(
      (next) => async (call) => {
        host = String(Object(call.request).hostname);
        return await next(call);
      },
      { step: "build" },
    );
    const page = await sfn
      .send(command)
      .catch((error: unknown) => Promise.reject(fromAwsError(error, "states:ListStateMachines")));
    arns.push(...(page.stateMachines ?? []).map(({ stateMachineArn = "" }) => stateMachineArn));
    nextToken = page.nextToken;
  } while (nextToken !== undefined);
  return { arns, isAws: /(^|\.)(amazonaws\.com(\.cn)?|api\.aws)$/.test(host) };
}

/**
 * Stages and their state machines. Only an embedded account has a stage without a prefix: at AWS a state machine that is just called so
 * is somebody else's.
 */
function stagesIn({ arns, isAws }: Listed, app: string): ReadonlyMap<string, string> {
  const stages = new Map<string, string>();
  for (const arn of arns) {
    const name = arn.split(":").at(-1) ?? "";
    if (!isAws && name === STATE_MACHINE.name) stages.set(LOCAL_STAGE, arn);
    if (!name.startsWith(`${app}-`) || !name.endsWith(`-${STATE_MACHINE.name}`)) continue;
    const stage = name.slice(app.length + 1, -STATE_MACHINE.name.length - 1);
    if (stage !== "") stages.set(stage, arn);
  }
  return stages;
}

function onlyOne(stages: readonly string[], app: string, here: string): string {
  const [only, ...others] = stages;
  if (only === undefined) {
    throw new CliError(
      EXIT.environment,
      `No stage of ${app} is deployed in ${here}.`,
      "choose another account with --profile or another --region, or deploy it (docs/deploy.md)",
    );
  }
  if (others.length === 0) return only;
  throw new CliError(
    EXIT.environment,
    `There are several stages in ${here}: ${stages.join(", ")}.`,
    "name one with --stage",
  );
}
