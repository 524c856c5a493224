import { createHash } from "node:crypto";
import { InvokeCommand, type LambdaClient } from "@aws-sdk/client-lambda";
import * as z from "zod/mini";
import { fromAwsError } from "../aws.ts";
import { functionSuffix } from "../deployed-functions.ts";
import { RotationError } from "../errors.ts";
import { makeCurrent } from "../notifications/commands.ts";
import { truthRow } from "../outcome.ts";
import type { Policy } from "../policies.ts";
import { AWSCURRENT, describeSecret, holderOf } from "../versions/secret.ts";
import { type Finding, named, type Sweep, toIncident } from "./finding.ts";
import type { ReconcileRequest, Reconciler } from "./reconcile.ts";
import { atWork, isBetween, type Suspect, toSuspect } from "./suspect.ts";

/** How often a secret's AWSCURRENT is tried: a refused one costs a wrong password each time, and accounts may lock. */
const MEASURE_EVERY_MS = 6 * 60 * 60 * 1000;
/** The interval of reconcile's own schedule: each run measures the secrets whose turn has come since the one before. */
const RUN_EVERY_MS = 15 * 60 * 1000;
const SLOTS = MEASURE_EVERY_MS / RUN_EVERY_MS;

/** What functions/roll-back has measured. */
export const measured = z.object({
  /** Of AWSCURRENT. */
  current: truthRow.shape.signIn,
  /** Of every labelled version, where AWSCURRENT was refused; else of AWSCURRENT. */
  truthTable: z.array(truthRow),
});
export type Measured = z.infer<typeof measured>;

/** Whether this run tries the secret's AWSCURRENT: a fixed turn by its ARN, so that runs share the work evenly. Pure. */
export function isMeasured(secretArn: string, policy: Policy, { nowMs, measure }: ReconcileRequest): boolean {
  if (policy.strategy === undefined) return false;
  if (measure === "all") return true;
  const turn = createHash("sha256").update(secretArn).digest().readUInt32BE(0) % SLOTS;
  return Math.floor(nowMs / RUN_EVERY_MS) % SLOTS === turn;
}

/**
 * AWSCURRENT that the target refuses while nobody is at work: whoever reads the secret now gets a password that does not
 * work. Only a person can say which of them is to be right.
 *
 * @throws RotationError AccessDenied, Throttled, ServiceUnavailable; InternalError (roll-back failed)
 */
export async function findDrift(reconciler: Reconciler, sweep: Sweep, suspect: Suspect): Promise<readonly Finding[]> {
  const { secret, policy } = suspect;
  const token = holderOf(secret.labels, AWSCURRENT);
  if (token === undefined || isBetween(suspect) || (await atWork(suspect)) !== undefined) return [];
  const { current, truthTable } = await measure(reconciler, policy, secret, token);
  if (current !== "rejected") return [];
  // Between SetSecret and FinishSecret a refusal is as it should be: a rotation may have begun since the look above.
  const later = await describeSecret(reconciler.client, secret.arn);
  const again = toSuspect(reconciler, later, policy);
  if (holderOf(later.labels, AWSCURRENT) !== token || isBetween(again) || (await atWork(again)) !== undefined)
    return [];
  const rows = truthTable.map((row) => `version ${row.versionId} (${row.labels.join(", ")}): ${row.signIn}`);
  const accepted = truthTable.find(({ signIn }) => signIn === "accepted");
  const incident = toIncident(secret, policy, sweep, {
    diagnosis: "CredentialDrift",
    token,
    message: `The target refuses AWSCURRENT of ${secret.name}, and no rotation is at work: services that sign in anew fail. Measured: ${rows.join("; ")}.`,
    nextSteps: [
      ...(accepted === undefined
        ? ["No labelled version signs in. Find out who has changed the password at the target, or the user, and when."]
        : [
            {
              say: `The target accepts version ${accepted.versionId}. If that one is right, move AWSCURRENT to it`,
              command: makeCurrent(named(secret), accepted.versionId, token),
            },
          ]),
      "If AWSCURRENT is right: set its password at the target again, as an administrator.",
    ],
    severity: "critical",
  });
  return [{ diagnosis: "CredentialDrift", incident, sinceMs: sweep.nowMs }];
}

/** Asked of roll-back, that of the policy's engine, which may read values: reconcile may not. */
async function measure(
  { lambda, rollBackFunctionArn }: { readonly lambda: LambdaClient; readonly rollBackFunctionArn: string },
  policy: Policy | undefined,
  secret: { readonly arn: string; readonly name: string },
  token: string,
): Promise<Measured> {
  const request = { action: "measure", secretArn: secret.arn, secretName: secret.name, token };
  const FunctionName = rollBackFunctionArn + functionSuffix(policy ?? {});
  const reply = await lambda
    .send(new InvokeCommand({ FunctionName, Payload: JSON.stringify(request) }))
    .catch((error: unknown) => Promise.reject(fromAwsError(error, `lambda:Invoke of ${FunctionName}`)));
  const answer: unknown = JSON.parse(reply.Payload?.transformToString() || "null");
  const parsed = measured.safeParse(answer);
  if (reply.FunctionError === undefined && parsed.success) return parsed.data;
  const { errorType } = Object(answer) as { readonly errorType?: unknown };
  throw new RotationError(
    "InternalError",
    `AWSCURRENT of ${secret.name} could not be measured (${typeof errorType === "string" ? errorType : "no usable answer"}).`,
  );
}
