import { REHEARSAL_REQUESTED } from "../../core/events.ts";
import { isRunning, provesRollback } from "../../core/executions.ts";
import { deriveToken, executionName, requestOf } from "../../core/identity.ts";
import { describeSecret } from "../../core/versions/secret.ts";
import { defineCommand, type Given, isSet, textOption } from "../command.ts";
import type { Deployment } from "../deployment.ts";
import { EXIT, type ExitStatus } from "../exit-status.ts";
import { type Asked, follow, WAIT_OPTIONS } from "../follow.ts";
import { isProduction } from "../production.ts";
import { REASON } from "../reason.ts";
import { refuse } from "../refuse.ts";
import { nextRequest, putRequest, type RotationRequest } from "../request.ts";
import { documentOf, type RunDetails } from "../run-view.ts";
import { findRun, rotationOf } from "../runs.ts";
import type { Session } from "../session.ts";

/**
 * How long the second part may take to begin where Secrets Manager makes both, in ms: it begins when the trail has told that the first
 * has failed there, which the gate sees within half a minute, the trail tells in some minutes, and dispatch may look at three times.
 */
const NATIVE_START_MS = 15 * 60_000;

/** A rotation that is taken back after it has converged, and then one that stays: proves that both work. */
export const rehearse = defineCommand({
  usage: "rehearse <secret>",
  summary: "rotate a secret, take that back, rotate it again: its policy has to allow it (rehearses)",
  options: [...WAIT_OPTIONS, REASON],
  examples: ["rehearse staging/orders/db --wait"],
  async run(session, given) {
    const here = await session.announce();
    const { clients, output } = session;
    const secret = await describeSecret(clients.secretsManager, given.args[0] ?? "");
    const request = await nextRequest(session, here, secret, "rehearsal");
    const { before, expectedVersionId } = request;
    const running = before !== undefined && isRunning(before) ? rotationOf(before).token : undefined;
    if (running === undefined) await ask(session, here, given, request);
    else output.say(`A rehearsal of ${secret.name} is running already.`);
    const token = running ?? request.token;
    const attempt = requestOf(token, secret.arn, expectedVersionId)?.attempt ?? request.attempt;
    const names = [token, deriveToken(secret.arn, expectedVersionId, attempt, "rehearsed")].map((each) =>
      executionName(secret.arn, each),
    );
    // As json it is one document for both.
    const parts: RunDetails[] = [];
    const show = output.format === "json" ? (details: RunDetails) => void parts.push(details) : undefined;
    const status = await followBoth(session, here, given, { secret, names, show });
    if (parts.length > 0) {
      const document = { proved: status === EXIT.done, parts: parts.map(documentOf) };
      output.result("rotor.rehearsal/1", { secret: { name: secret.name, arn: secret.arn }, ...document }, () => []);
    }
    return status;
  },
});

// --- internal ---

async function ask(session: Session, here: Deployment, given: Given, request: RotationRequest): Promise<void> {
  const { secret, expectedVersionId, attempt } = request;
  await refuse(session, here, request);
  if (isProduction(here)) await session.confirm(`This rehearses on ${secret.name} in ${here.stage} now.`, secret.name);
  const detail = { secretId: secret.arn, expectedVersionId, attempt };
  await putRequest(session, here, REHEARSAL_REQUESTED, detail, textOption(given, "reason"));
  session.output.say(`A rehearsal of ${secret.name} was asked for: first a rotation that is taken back.`);
}

async function followBoth(
  session: Session,
  here: Deployment,
  given: Given,
  { secret, names: [first = "", second = ""], show }: Pick<Asked, "secret" | "show"> & { names: readonly string[] },
): Promise<ExitStatus> {
  const { clients, output } = session;
  const begunMs = Date.now();
  const status = await follow(session, here, given, { secret, executionName: first, begunMs, show });
  if (!isSet(given, "wait") || status !== EXIT.rolledBack) return status;
  const { execution, rotation } = await findRun(clients, here, first);
  if (!provesRollback(execution)) return status;
  output.say("It was taken back, as planned. Now the rotation that stays.");
  const isNative = rotation.mode === "native";
  if (isNative)
    output.say("It begins when the trail tells that Secrets Manager has ended the first: that takes minutes.");
  const startsWithinMs = isNative ? NATIVE_START_MS : undefined;
  return await follow(session, here, given, { secret, executionName: second, startsWithinMs, begunMs, show });
}
