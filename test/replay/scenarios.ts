import type { RequestKind } from "../../core/identity.ts";
import type { RotationInput } from "../../core/rotation-input.ts";
import type { Act } from "./acts.ts";
import type { End, Subject } from "./recording.ts";

/** One execution to be recorded: how it comes about, and how it has to end. */
export interface Scenario extends Partial<Subject> {
  readonly name: string;
  readonly mode: RotationInput["mode"];
  readonly end: End;
  /** Default: as the mode wants it. */
  readonly start?: "rehearsal" | "of what is AWSCURRENT" | "of what is AWSPREVIOUS";
  readonly derived?: { readonly kind: RequestKind; readonly attempt: number };
  /** The first attempts of a step end with these errors, and its function is not run. */
  readonly faults?: { readonly step: string; readonly errors: readonly string[] };
  /** It is stopped when the function of this step has run. */
  readonly stoppedAfter?: string;
  /** What follows when it has ended: an execution that repairs it, recorded too. */
  readonly repair?: Omit<Scenario, "mode" | keyof Subject> & {
    readonly acts?: readonly Act[];
    readonly thaw?: boolean;
  };
}

const ONE = { orders: { mode: "cache" } } as const;
const TWO = { ...ONE, reports: { mode: "reload" } } as const;
const REFUSING = { orders: { mode: "cache", refresh: 422 } } as const;
const driven = { mode: "driven", strategy: "postgres-single-user" } as const;
const native = { mode: "native", strategy: "postgres-single-user" } as const;
const observed = { mode: "observed", strategy: "postgres-single-user" } as const;
const FROZEN = [{ before: "plan", does: "freeze" }] as const;
const PASSWORD_CHANGED = [{ before: "testSecret", does: "change the password" }] as const;
const CHANGED_IN_ROLLBACK = [{ before: "rollBack", does: "change the password" }] as const;
const ILL = [{ before: "verify", does: "fall ill" }] as const;

/** Every outcome in every mode, and what else an execution may meet on its way. */
export const SCENARIOS: readonly Scenario[] = [
  { name: "driven-succeeded", mode: "driven", policy: driven, dependents: TWO, end: "SUCCEEDED" },
  { name: "driven-rejected", mode: "driven", policy: driven, dependents: ONE, acts: FROZEN, end: "REJECTED" },
  { name: "driven-rolled-back", mode: "driven", policy: driven, dependents: REFUSING, end: "ROLLED_BACK" },
  {
    ...{ name: "driven-not-converged", mode: "driven", end: "NOT_CONVERGED" },
    ...{ policy: { ...driven, whenUnhealthy: "keep-new" }, dependents: REFUSING },
  },
  {
    ...{ name: "driven-rollback-failed", mode: "driven", end: "ROLLBACK_FAILED" },
    ...{ policy: driven, dependents: ONE, acts: PASSWORD_CHANGED },
    repair: { name: "repair-of-rollback-failed", end: "ROLLED_BACK", thaw: true },
  },
  {
    ...{ name: "driven-ignored", mode: "driven", end: "IGNORED", start: "of what is AWSCURRENT" },
    policy: driven,
    repair: { name: "repair-ignored", end: "IGNORED" },
  },

  { name: "native-succeeded", mode: "native", policy: native, dependents: TWO, end: "SUCCEEDED" },
  {
    ...{ name: "native-rejected", mode: "native", end: "REJECTED" },
    ...{ policy: native, dependents: ONE, acts: [{ before: "createSecret", does: "take AWSPENDING off" }] },
  },
  { name: "native-rolled-back", mode: "native", policy: native, dependents: REFUSING, end: "ROLLED_BACK" },
  {
    ...{ name: "native-not-converged", mode: "native", end: "NOT_CONVERGED" },
    ...{ policy: { ...native, whenUnhealthy: "keep-new" }, dependents: REFUSING },
  },
  {
    ...{ name: "native-rollback-failed", mode: "native", end: "ROLLBACK_FAILED" },
    ...{ policy: native, dependents: ONE, acts: ILL },
  },
  {
    ...{ name: "native-ignored", mode: "native", end: "IGNORED", start: "of what is AWSCURRENT" },
    policy: native,
  },

  { name: "observed-succeeded", mode: "observed", policy: observed, dependents: TWO, end: "SUCCEEDED" },
  { name: "observed-rejected", mode: "observed", policy: observed, dependents: ONE, acts: FROZEN, end: "REJECTED" },
  {
    ...{ name: "observed-rolled-back", mode: "observed", end: "ROLLED_BACK" },
    ...{ policy: { ...observed, whenUnhealthy: "roll-back" }, dependents: REFUSING },
  },
  { name: "observed-not-converged", mode: "observed", policy: observed, dependents: REFUSING, end: "NOT_CONVERGED" },
  {
    ...{ name: "observed-rollback-failed", mode: "observed", end: "ROLLBACK_FAILED" },
    ...{ policy: { ...observed, whenUnhealthy: "roll-back" }, dependents: REFUSING, acts: CHANGED_IN_ROLLBACK },
  },
  {
    ...{ name: "observed-ignored", mode: "observed", end: "IGNORED", start: "of what is AWSPREVIOUS" },
    policy: observed,
  },

  {
    ...{ name: "observed-aborted-in-plan", mode: "observed", end: "ABORTED", stoppedAfter: "plan" },
    ...{ policy: observed, dependents: ONE },
    repair: { name: "repair-succeeded", end: "SUCCEEDED" },
  },
  {
    ...{ name: "driven-aborted-in-plan", mode: "driven", end: "ABORTED", stoppedAfter: "plan" },
    ...{ policy: driven, dependents: ONE },
    repair: { name: "repair-rejected", end: "REJECTED" },
  },
  {
    ...{ name: "driven-aborted", mode: "driven", end: "ABORTED", stoppedAfter: "refresh" },
    ...{ policy: driven, dependents: ONE },
    repair: { name: "repair-rolled-back", end: "ROLLED_BACK" },
  },
  {
    ...{ name: "driven-aborted-kept", mode: "driven", end: "ABORTED", stoppedAfter: "refresh" },
    ...{ policy: { ...driven, whenUnhealthy: "keep-new" }, dependents: ONE },
    repair: { name: "repair-not-converged", end: "NOT_CONVERGED" },
  },
  {
    ...{ name: "native-aborted", mode: "native", end: "ABORTED", stoppedAfter: "setSecret" },
    ...{ policy: native, dependents: ONE },
    repair: { name: "repair-rollback-failed", end: "ROLLBACK_FAILED", acts: CHANGED_IN_ROLLBACK },
  },

  {
    ...{ name: "driven-retries", mode: "driven", end: "SUCCEEDED", policy: driven, dependents: ONE },
    faults: { step: "setSecret", errors: ["TargetUnavailable", "Lambda.TooManyRequestsException"] },
  },
  {
    ...{ name: "driven-soak", mode: "driven", end: "SUCCEEDED" },
    ...{ policy: { ...driven, soakSeconds: 600 }, dependents: ONE },
  },
  {
    ...{ name: "driven-rehearsal", mode: "driven", end: "ROLLED_BACK", dependents: ONE },
    ...{ policy: { ...driven, rehearses: true }, start: "rehearsal", derived: { kind: "rehearsal", attempt: 1 } },
  },
  {
    ...{ name: "driven-alternating-users", mode: "driven", end: "SUCCEEDED", dependents: TWO },
    policy: { ...driven, strategy: "postgres-alternating-users" },
  },
  {
    ...{ name: "driven-alternating-users-rolled-back", mode: "driven", end: "ROLLED_BACK", dependents: REFUSING },
    policy: { ...driven, strategy: "postgres-alternating-users" },
  },
  {
    ...{ name: "driven-lambda", mode: "driven", end: "SUCCEEDED", dependents: ONE },
    policy: { ...driven, strategy: "lambda" },
  },
];
