import { InvokeCommand, type LambdaClient } from "@aws-sdk/client-lambda";
import * as z from "zod/mini";
import { fromAwsError } from "./aws.ts";
import { type ErrorName, RETRYABLE, RotationError, TERMINAL } from "./errors.ts";
import type { Looked } from "./plan-dependents.ts";
import type { Policy } from "./policies.ts";
import { rotationPlan } from "./rotation-plan.ts";
import type { Secret } from "./versions/secret.ts";

/**
 * How the dependents are on the base, as functions/dependents sees them: it stands in their network, and its role has their rights.
 * Only reads; may be repeated.
 *
 * @param lambda makes one attempt: the workflow repeats Plan
 * @throws RotationError what lookAtDependents throws; AccessDenied, Throttled, ServiceUnavailable where the function gave no answer,
 *   or one about other dependents than the policy's, as between two deployments
 */
export async function askBaseline(
  { lambda, dependentsFunctionArn }: { readonly lambda: LambdaClient; readonly dependentsFunctionArn: string },
  policy: Pick<Policy, "dependents">,
  secret: Pick<Secret, "arn" | "name">,
  base: string,
): Promise<Looked> {
  if (policy.dependents.length === 0) return { dependents: [], probes: [], baseline: [] };
  const request = { action: "baseline", secretArn: secret.arn, secretName: secret.name, versionId: base };
  const reply = await lambda
    .send(new InvokeCommand({ FunctionName: dependentsFunctionArn, Payload: JSON.stringify(request) }))
    .catch((error: unknown) => Promise.reject(refusal(error, dependentsFunctionArn)));
  const answer: unknown = JSON.parse(reply.Payload?.transformToString() || "null");
  if (reply.FunctionError !== undefined) throw failure(answer);
  const parsed = looked.safeParse(answer);
  // Whoever were left out would never have to follow.
  const seen = parsed.success ? parsed.data.baseline.map(({ dependent }) => dependent) : [];
  const wanted = policy.dependents.map(({ name }) => name);
  if (parsed.success && seen.join() === wanted.join()) return parsed.data;
  throw new RotationError(
    "ServiceUnavailable",
    `Function dependents knows other dependents of ${secret.name} than Plan: one of them is not deployed yet. Nothing was touched.`,
  );
}

// --- internal ---

const looked = z.pick(rotationPlan, { dependents: true, probes: true, baseline: true });

/** A function that is not there, or is being changed, is so in the middle of a deployment: the workflow asks again. */
function refusal(error: unknown, functionArn: string): RotationError {
  const known = fromAwsError(error, `lambda:Invoke of ${functionArn}`);
  if (["AccessDenied", "Throttled", "ServiceUnavailable"].includes(known.name)) return known;
  const { name } = error as { readonly name?: string };
  return new RotationError("ServiceUnavailable", `lambda:Invoke of ${functionArn} was refused (${name}).`, {
    cause: error,
  });
}

/** EventInvalid is not among them: between two releases the other function may not know the question yet. */
const NAMES: readonly string[] = [...RETRYABLE, ...TERMINAL].filter((name) => name !== "EventInvalid");

/** What the function has thrown goes on under its own name. One that Lambda has ended has decided nothing. */
function failure(answer: unknown): RotationError {
  const { errorType, errorMessage } = Object(answer) as Readonly<Record<"errorType" | "errorMessage", unknown>>;
  if (typeof errorType === "string" && typeof errorMessage === "string" && NAMES.includes(errorType)) {
    return new RotationError(errorType as ErrorName, errorMessage);
  }
  const how = typeof errorType === "string" && /^[A-Za-z.]{1,60}$/.test(errorType) ? errorType : "no reason given";
  return new RotationError("ServiceUnavailable", `Function dependents gave no answer (${how}). Nothing was touched.`);
}
