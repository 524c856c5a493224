import { functionSuffix } from "../core/deployed-functions.ts";
import { RotationError } from "../core/errors.ts";
import type { TruthRow } from "../core/outcome.ts";
import { policyFor } from "../core/policies.ts";
import { type Measured, measured } from "../core/reconcile/drift.ts";
import type { Colors } from "../core/terminal/run-text.ts";
import { renderTable } from "../core/terminal/table.ts";
import { AWSCURRENT, holderOf, type Secret } from "../core/versions/secret.ts";
import { askFunction } from "./functions.ts";
import type { Session } from "./session.ts";

/**
 * Which labelled versions sign in at the target, as the function roll-back of the secret's engine has just tried: AWSCURRENT, and
 * where that is refused the others. Undefined: no policy with a strategy names the secret, so nothing can be tried.
 *
 * @throws RotationError AccessDenied (lambda:InvokeFunction), Throttled, ServiceUnavailable; what roll-back throws
 */
export async function measureSecret(session: Session, secret: Secret): Promise<Measured | undefined> {
  const deployment = await session.deployment();
  const policy = policyFor(await session.policies(), secret);
  const token = holderOf(secret.labels, AWSCURRENT);
  if (policy?.strategy === undefined || token === undefined) return undefined;
  const functionArn = deployment.functionArn("roll-back") + functionSuffix(policy);
  const request = { action: "measure", secretArn: secret.arn, secretName: secret.name, token };
  const parsed = measured.safeParse(await askFunction(session.clients.lambda, functionArn, request));
  if (parsed.success) return parsed.data;
  throw new RotationError(
    "InternalError",
    `Function ${functionArn} did not say which versions sign in: it is of another release.`,
  );
}

/** For people: each version that was tried. */
export function truthLines(rows: readonly TruthRow[], colors: Colors): readonly string[] {
  const paint = (signIn: TruthRow["signIn"]) => {
    if (signIn === "accepted") return colors.green(signIn);
    return signIn === "rejected" ? colors.red(signIn) : colors.yellow(signIn);
  };
  const cells = rows.map(({ versionId, labels, signIn }) => [versionId, labels.join(" "), paint(signIn)]);
  return renderTable(["VERSION", "LABELS", "SIGN-IN"], cells, colors);
}
