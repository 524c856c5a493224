import { classifySecret, type SecretClass } from "../core/classify-secret.ts";
import { deployedFunctions, engineOf } from "../core/deployed-functions.ts";
import { RotationError } from "../core/errors.ts";
import { managedRotationOffer } from "../core/managed-rotation.ts";
import { type Policy, policyFor } from "../core/policies.ts";
import { type RotationPlan, rotationPlan } from "../core/rotation-plan.ts";
import { STATEMENTS, type Statements } from "../core/statements.ts";
import type { Secret } from "../core/versions/secret.ts";
import { replyOf } from "./functions.ts";
import { type PlannedStep, plannedCalls } from "./planned-calls.ts";
import { type Readers, readersOf } from "./readers.ts";
import { nextRequest, refusalOf } from "./request.ts";
import type { Session } from "./session.ts";

/** What a rotation of a secret would do, and what keeps it from being made. */
export interface PlannedRotation {
  readonly secret: Secret;
  readonly class: SecretClass;
  readonly policy: Policy | undefined;
  /** Why it would not be made; undefined: nothing is known that would keep it. */
  readonly blocked: { readonly name: string; readonly message: string } | undefined;
  /** What Plan itself says; undefined where it was not asked, or refused. */
  readonly plan: RotationPlan | undefined;
  readonly steps: readonly PlannedStep[];
  readonly rollback: readonly PlannedStep[];
  readonly statements: Statements | undefined;
  /** A text: why they are not known. */
  readonly readers: Readers | string;
  /** Readers that no dependent of the policy stands for cannot be told from those that one does: names differ. */
  readonly advice: readonly string[];
}

/** Plan reads only, and may be asked at any time: the function itself says what it would decide. */
export async function planRotation(session: Session, secret: Secret): Promise<PlannedRotation> {
  const deployment = await session.deployment();
  const policy = policyFor(await session.policies(), secret);
  const of = classifySecret(secret, { gateFunctionArn: deployment.functionArn("gate"), region: deployment.region });
  const request = await nextRequest(session, deployment, secret, "ordinary");
  const refusal = await refusalOf(session, deployment, request);
  const mode = of.class === "native ours" ? "native" : "driven";
  const isRotated = policy !== undefined && policy.mode !== "observed" && refusal === undefined;
  const asked = isRotated ? await askPlan(session, secret, request.executionName, request.token, mode) : undefined;
  const arn = (service: string, resource: string) =>
    `arn:${deployment.partition}:${service}:${deployment.region}:${deployment.account}:${resource}`;
  const calls = isRotated ? plannedCalls(mode, policy, arn) : undefined;
  const offer =
    policy === undefined || policy.managedRotation !== undefined ? undefined : managedRotationOffer(secret, policy);
  const strategy = policy?.strategy;
  return {
    ...{ secret, class: of, policy },
    blocked: refusal === undefined ? asked?.blocked : { ...refusal, name: refusal.name ?? "request-refused" },
    plan: asked?.plan,
    steps: calls?.steps ?? [],
    rollback: policy?.whenUnhealthy === "roll-back" ? (calls?.rollback ?? []) : [],
    statements:
      strategy !== undefined && Object.hasOwn(STATEMENTS, strategy)
        ? STATEMENTS[strategy as keyof typeof STATEMENTS]
        : undefined,
    readers: await readersOf(session.clients, secret, await functionNames(session)).catch((error: unknown) => {
      return error instanceof RotationError ? `${error.name}: ${error.message}` : "they could not be looked up";
    }),
    advice: offer === undefined ? [] : [offer],
  };
}

// --- internal ---

/** Their own reads are no news: a Lambda function's sessions are called as it is. */
async function functionNames(session: Session): Promise<ReadonlySet<string>> {
  const { functionArn } = await session.deployment();
  const all = deployedFunctions((await session.policies()).map(engineOf));
  return new Set(all.map(({ id }) => functionArn(id).split(":").at(-1) ?? ""));
}

/** @throws RotationError where Plan could not be asked, which is no decision of its: see replyOf */
async function askPlan(
  session: Session,
  secret: Secret,
  executionName: string,
  token: string,
  mode: "native" | "driven",
): Promise<Pick<PlannedRotation, "plan" | "blocked">> {
  const { clients, deployment } = session;
  const rotation = { secretArn: secret.arn, token, mode };
  const functionArn = (await deployment()).functionArn("plan");
  const request = { rotation, executionName, nowMs: Date.now(), retries: 0 };
  const { answer, refusal } = await replyOf(clients.lambda, functionArn, request);
  if (refusal !== undefined) return { plan: undefined, blocked: { name: refusal.name, message: refusal.message } };
  const parsed = rotationPlan.safeParse(answer);
  return { plan: parsed.success ? parsed.data : undefined, blocked: undefined };
}
