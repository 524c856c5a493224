import type { Policy } from "../policies.ts";
import { DEFAULT_ROTATION_RULES, toRotationRules } from "../rotation-rules.ts";
import { parseSchedule } from "../schedule.ts";
import { AWSCURRENT, holderOf, type Secret } from "../versions/secret.ts";
import { nextOpening } from "../windows.ts";
import { OVERDUE_AFTER_MS } from "./finding.ts";
import type { Suspect } from "./suspect.ts";

/**
 * How late a secret's rotation is, in milliseconds, whatever keeps it from being made: 0 for less than a day, and where it is
 * not known when it was due. It counts from the first window of its policy in which it could have begun, if there is one.
 *
 * @throws RotationError SecretNotFound, AccessDenied, Throttled, ServiceUnavailable
 */
export async function latenessOf(suspect: Suspect, nowMs: number): Promise<number> {
  const dueMs = await dueAt(suspect);
  return dueMs === undefined ? 0 : lateBy(dueMs, suspect.policy, nowMs);
}

/** How late a rotation is that was due then, in milliseconds; 0 for less than a day. Pure. */
export function lateBy(dueMs: number, policy: Policy | undefined, nowMs: number): number {
  const lateMs = nowMs - couldBeginMs(dueMs, policy);
  return lateMs > OVERDUE_AFTER_MS ? lateMs : 0;
}

/** When a rotation that is due then could have begun, by its policy's windows and freeze periods. Pure. */
export function couldBeginMs(dueMs: number, policy: Policy | undefined): number {
  const opening = nextOpening(dueMs, policy?.windows ?? [], policy?.freezes ?? []);
  return opening.open ? dueMs : (opening.opensAtMs ?? dueMs);
}

/**
 * When the next rotation has to be made, in milliseconds since the epoch: by the rule of the policy that counts, from when
 * AWSCURRENT was created; else as Secrets Manager has it. Undefined: never, or not known.
 *
 * @throws RotationError SecretNotFound, AccessDenied, Throttled, ServiceUnavailable
 */
export async function dueAt({ secret, policy, age }: Suspect): Promise<number | undefined> {
  const rule = countingRule(secret, policy);
  if (rule === undefined) return secret.rotationEnabled === true ? secret.nextRotationAt?.getTime() : undefined;
  const base = holderOf(secret.labels, AWSCURRENT);
  const createdMs = base === undefined ? undefined : (await age(base)).latest?.getTime();
  return createdMs === undefined ? undefined : parseSchedule(rule).next(createdMs, createdMs);
}

/** The rule by which we count ourselves, as rate() or cron(). Undefined: Secrets Manager counts, or nobody. Pure. */
export function countingRule(
  secret: Parameters<typeof isTurnedOff>[0],
  policy: Policy | undefined,
): string | undefined {
  if (policy?.schedule !== undefined) return policy.schedule;
  if (policy === undefined || !isTurnedOff(secret, policy)) return undefined;
  const { ScheduleExpression, AutomaticallyAfterDays: days } = toRotationRules(
    policy.rotationRules ?? DEFAULT_ROTATION_RULES,
  );
  return ScheduleExpression ?? `rate(${days} ${days === 1 ? "day" : "days"})`;
}

/** Whether Secrets Manager is meant to rotate it, by its policy, and does not: somebody has turned it off, or nobody on. Pure. */
export function isTurnedOff(
  { rotationEnabled, owningService, type }: Pick<Secret, "rotationEnabled" | "owningService" | "type">,
  policy: Policy | undefined,
): boolean {
  return policy?.mode === "native" && rotationEnabled !== true && owningService === undefined && type === undefined;
}
