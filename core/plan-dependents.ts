import { readTarget } from "./dependent-target.ts";
import type { DependentKind } from "./dependents/dependent.ts";
import { RotationError } from "./errors.ts";
import type { DependentBaseline } from "./outcome.ts";
import type { DependentPolicy, Policy } from "./policies.ts";
import type { RotationPlan } from "./rotation-plan.ts";
import type { Secret } from "./versions/secret.ts";

interface Known {
  readonly dependent: DependentPolicy;
  readonly kind: DependentKind;
  readonly target: unknown;
}

/** What is recorded of the dependents before anything is touched. */
export type Looked = Pick<RotationPlan, "dependents" | "probes" | "baseline">;

/**
 * Whether the dependents could follow at all, who of them can probe, and how they are on the base. Only reads.
 * @throws RotationError ConfigurationInvalid (an unknown kind, a target of another shape); what a required dependent's check
 *   throws. An optional one that fails its check is unhealthy, and nothing else.
 */
export async function lookAtDependents(
  policy: Pick<Policy, "dependents">,
  secret: Pick<Secret, "arn" | "name">,
  base: string,
): Promise<Looked> {
  const known = policy.dependents.map((dependent): Known => ({ dependent, ...readTarget(dependent) }));
  await Promise.all(known.filter(({ dependent }) => dependent.required).map((each) => requireCheck(each, secret)));
  const baseline = await Promise.all(known.map((each) => lookAt(each, secret, base)));
  return {
    baseline,
    dependents: baseline.map(({ dependent, health }) => ({ name: dependent, wasHealthy: health === "healthy" })),
    probes: known
      .filter(({ kind, target }) => kind.probe !== undefined && (kind.canProbe?.(target) ?? true))
      .map(({ dependent }) => ({ name: dependent.name })),
  };
}

/** For the check and for the look, each, in milliseconds: both fit into the time of functions/dependents. */
const LOOK_MS = 10_000;

async function check({ kind, target }: Known, { arn, name }: Pick<Secret, "arn" | "name">): Promise<void> {
  await kind.check?.(target, { secretArn: arn, secretName: name }, AbortSignal.timeout(LOOK_MS));
}

async function requireCheck(known: Known, secret: Pick<Secret, "arn" | "name">): Promise<void> {
  try {
    await check(known, secret);
  } catch (error) {
    if (!(error instanceof RotationError)) throw error;
    const message = `Dependent ${known.dependent.name}: ${error.message} Nothing was touched.`;
    throw new RotationError(error.name, message, { cause: error });
  }
}

async function lookAt(known: Known, secret: Pick<Secret, "arn" | "name">, base: string): Promise<DependentBaseline> {
  const { dependent, kind, target } = known;
  const change = { secretArn: secret.arn, secretName: secret.name, versionId: base };
  try {
    if (!dependent.required) await check(known, secret);
    const { seen } = await kind.verify(target, change, AbortSignal.timeout(LOOK_MS));
    return { dependent: dependent.name, health: "healthy", seen };
  } catch (error) {
    const seen = error instanceof RotationError ? error.message : "no answer";
    return { dependent: dependent.name, health: "unhealthy", seen };
  }
}
