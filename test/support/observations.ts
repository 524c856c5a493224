import { StartExecutionCommand } from "@aws-sdk/client-sfn";
import type { FunctionName } from "../../core/blueprint.ts";
import type { FunctionId } from "../../core/deployed-functions.ts";
import { executionName, repairName } from "../../core/identity.ts";
import type { InterceptedCall } from "../../local/wire-calls.ts";
import type { Told } from "./invariants.ts";
import type { AnySecret, TestSecret, World } from "./world.ts";

/** Names of Secrets Manager's own events about the secret's rotations, in their order. */
export function rotationEvents(world: World, secret: AnySecret): readonly string[] {
  const own = world.account.events
    .seen()
    .filter(
      ({ detail }) => (detail["additionalEventData"] as { SecretId?: string } | undefined)?.SecretId === secret.arn,
    );
  return own.map(({ detail }) => String(detail["eventName"])).filter((name) => name.includes("Rotation"));
}

/** Where AWSCURRENT has gone since the secret was made, as its own events tell it. */
export function movesOfCurrent(world: World, secret: TestSecret): readonly string[] {
  const moves = world.account.events.seen().filter((event) => {
    return event["detail-type"] === "Secret Label Updated" && event.resources.includes(secret.arn);
  });
  const toCurrent = moves.filter(({ detail }) => detail["labelUpdated"] === "AWSCURRENT");
  return toCurrent.map(({ detail }) => String(detail["versionId"]));
}

/** Names of the secret's executions, repairs included, oldest first. */
export async function executionsOf(world: World, secret: AnySecret): Promise<readonly string[]> {
  const prefix = executionName(secret.arn, secret.firstVersion).slice(0, "rot-0123456789abcdef-".length);
  return (await world.executions()).filter((name) => name.startsWith(prefix)).reverse();
}

/** What was told about the secret, by outcome. */
export function outcomesTold(world: World, secret: AnySecret): readonly string[] {
  const all = world.notifications() as readonly unknown[] as readonly Told[];
  return all.filter((each) => each.secret.arn === secret.arn).map(({ outcome }) => outcome);
}

/** Errors that a function has logged about the secret: "<name>: <message>". */
export function errorsLogged(
  world: World,
  functionName: FunctionId,
  secret?: { readonly arn: string },
): readonly string[] {
  return world.account.lambda.logs().flatMap((line) => {
    if (line.functionName !== functionName || !line.text.startsWith("{")) return [];
    const entry = JSON.parse(line.text) as Record<string, unknown>;
    if (entry["errorName"] === undefined) return [];
    if (secret !== undefined && entry["secretArn"] !== secret.arn) return [];
    return [`${entry["errorName"]}: ${entry["message"]}`];
  });
}

/** Operations of the writes that one function made to the secret. */
export function writesOf(
  world: World,
  secret: TestSecret,
  functionName: FunctionName,
  writes: readonly string[] = ["PutSecretValue", "UpdateSecretVersionStage"],
): readonly string[] {
  return world.account
    .calls()
    .filter(({ caller, input }) => caller === functionName && (input as { SecretId?: string }).SecretId === secret.arn)
    .flatMap(({ operation }) => (writes.includes(operation) ? [operation] : []));
}

/** Starts the n-th repair of a version's execution, as a reconciler would, and waits until nothing is at work any more. */
export async function repair(world: World, secret: TestSecret, token: string, n = 1): Promise<void> {
  await startRepair(world, secret, token, n);
  await world.settled();
}

export async function startRepair(world: World, secret: TestSecret, token: string, n = 1): Promise<void> {
  await world.sfn.send(
    new StartExecutionCommand({
      stateMachineArn: world.deployment().stateMachineArn,
      name: repairName(executionName(secret.arn, token), n),
      input: JSON.stringify({ secretArn: secret.arn, token, mode: "repair" }),
    }),
  );
}

/** Whether a call is Secrets Manager's invocation of the gate for a step of this secret's rotation. */
export function isGateStep(call: InterceptedCall, secret: TestSecret, step: string): boolean {
  if (call.service !== "lambda" || call.caller !== "secretsmanager") return false;
  const { Payload } = call.input as { Payload?: { Step?: string; SecretId?: string } };
  return Payload?.Step === step && Payload.SecretId === secret.arn;
}

/** A moment that a test lets come: whoever awaits `reached` waits for `reach`. */
export function moment(): { readonly reached: Promise<void>; reach(): void } {
  let reach = () => {};
  const reached = new Promise<void>((resolve) => {
    reach = resolve;
  });
  return { reached, reach };
}

/** Polls until `look` finds something. @throws Error after 15 s */
export async function until<T>(look: () => T | undefined | false | Promise<T | undefined | false>): Promise<T> {
  for (const deadline = Date.now() + 15_000; ; ) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (Date.now() > deadline) throw new Error("What the test waits for has not come within 15 s.");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
