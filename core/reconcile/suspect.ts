import { RotationError } from "../errors.ts";
import { describeExecution, type Execution, isRunning, repairsOf } from "../executions.ts";
import { executionName } from "../identity.ts";
import { type Policy, policyFor } from "../policies.ts";
import {
  AWSCURRENT,
  AWSPENDING,
  describeSecret,
  holderOf,
  ROTATION_CANDIDATE,
  type Secret,
} from "../versions/secret.ts";
import type { Reconciler } from "./reconcile.ts";
import { ageOf, type VersionAge } from "./version-age.ts";

/** A secret that is worth a closer look, as DescribeSecret has it now. */
export interface Suspect {
  readonly secret: Secret;
  readonly policy: Policy | undefined;
  /** The executions of one version, looked up once. */
  executions(versionId: string): Promise<VersionExecutions>;
  /** When a version was created, looked up once. */
  age(versionId: string): Promise<VersionAge>;
}

export interface VersionExecutions {
  /** Absent: it never started, or was 90 days ago. */
  readonly original: Execution | undefined;
  readonly repairs: readonly Execution[];
  /** The last one that had something to do. */
  readonly last: Execution | undefined;
  readonly running: Execution | undefined;
  /** When the last of them ended, in milliseconds since the epoch; 0 when there is none. */
  readonly endedMs: number;
}

/** Read anew: the list may be five minutes behind. Undefined: it is not ours to look at, or not there any more. */
export async function lookAt(reconciler: Reconciler, secretArn: string): Promise<Suspect | undefined> {
  const secret = await describeSecret(reconciler.client, secretArn).catch((error: unknown) => {
    if (error instanceof RotationError && error.name === "SecretNotFound") return undefined;
    throw error;
  });
  if (secret === undefined || secret.deleted) return undefined;
  if (secret.primaryRegion !== undefined && secret.primaryRegion !== reconciler.region) return undefined;
  return toSuspect(reconciler, secret, policyFor(reconciler.policies, secret));
}

export function toSuspect(
  { client, sfn, stateMachineArn }: Pick<Reconciler, "client" | "sfn" | "stateMachineArn">,
  secret: Secret,
  policy: Policy | undefined,
): Suspect {
  const lookUp = async (versionId: string): Promise<VersionExecutions> => {
    const name = executionName(secret.arn, versionId);
    const original = await describeExecution(sfn, stateMachineArn, name);
    const repairs = await repairsOf(sfn, stateMachineArn, secret.arn, versionId);
    const all = original === undefined ? repairs : [original, ...repairs];
    return {
      original,
      repairs,
      last: all.findLast((each) => each.outcome !== "IGNORED"),
      running: all.find(isRunning),
      endedMs: Math.max(0, ...all.map(({ stoppedAt }) => stoppedAt?.getTime() ?? 0)),
    };
  };
  return {
    secret,
    policy,
    executions: once(lookUp),
    age: once((versionId) => ageOf(client, secret, versionId)),
  };
}

function once<T>(look: (versionId: string) => Promise<T>): (versionId: string) => Promise<T> {
  const known = new Map<string, Promise<T>>();
  return (versionId) => {
    const found = known.get(versionId) ?? look(versionId);
    known.set(versionId, found);
    return found;
  };
}

/** The execution that is at work on the secret, whichever of its labelled versions it rotates in or repairs. */
export async function atWork(suspect: Suspect): Promise<Execution | undefined> {
  for (const versionId of Object.keys(suspect.secret.labels)) {
    const { running } = await suspect.executions(versionId);
    if (running !== undefined) return running;
  }
  return undefined;
}

/** A version is being rotated in, or was left half-way: what is true of AWSCURRENT and of schedules is not known then. */
export function isBetween({ secret: { labels } }: Suspect): boolean {
  const current = holderOf(labels, AWSCURRENT);
  return [AWSPENDING, ROTATION_CANDIDATE].some((label) => ![undefined, current].includes(holderOf(labels, label)));
}
