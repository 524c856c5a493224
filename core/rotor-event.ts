import type { RehearsalRequested, RepairRequested, RotationRequested } from "./events.ts";

export const ROTATION_STEPS = ["createSecret", "setSecret", "testSecret", "finishSecret"] as const;
export type RotationStep = (typeof ROTATION_STEPS)[number];

/**
 * What an event says, in one form for every shape it comes in. `secretId` is a name or an ARN of this account and Region,
 * perhaps a partial one: CloudTrail has what the caller passed. `at` is when it happened, if the event says so.
 */
export type RotorEvent =
  | { readonly kind: "rotation-started"; readonly secretId: string; readonly token?: string; readonly at?: Date }
  | { readonly kind: "rotation-succeeded"; readonly secretId: string; readonly token?: string; readonly at?: Date }
  | {
      readonly kind: "rotation-failed";
      readonly eventName: "RotationFailed" | "RotationAbandoned" | "TestRotationFailed";
      readonly secretId: string;
      readonly token?: string;
      /** The step and the rotation function, where AWS's message names them: why it failed, it never says. */
      readonly step?: RotationStep;
      readonly functionArn?: string;
      readonly at?: Date;
    }
  /** AWSCURRENT was put on this version, by whomever. */
  | { readonly kind: "current-moved"; readonly secretId: string; readonly versionId: string; readonly at?: Date }
  | { readonly kind: "rotation-cancelled"; readonly secretId: string; readonly at?: Date }
  | { readonly kind: "secret-deleted"; readonly secretId: string; readonly at?: Date }
  /** Our own tag has come back through the trail; `sentAt` is its value. */
  | { readonly kind: "heartbeat"; readonly secretId: string; readonly sentAt: string }
  /** It may have ended otherwise than well. How, is for DescribeExecution to say. */
  | { readonly kind: "execution-ended"; readonly executionName: string; readonly stateMachineArn: string }
  | { readonly kind: "rotation-requested"; readonly request: RotationRequested; readonly at?: Date }
  | { readonly kind: "repair-requested"; readonly request: RepairRequested; readonly at?: Date }
  | { readonly kind: "rehearsal-requested"; readonly request: RehearsalRequested; readonly at?: Date }
  /** The first part of a rehearsal here was taken back. */
  | { readonly kind: "rehearsal-rolled-back"; readonly secretArn: string; readonly token: string; readonly at?: Date }
  /** A rehearsal was passed, here or in any other account and Region: whether that one counts is for a policy to say. */
  | {
      readonly kind: "rehearsal-passed";
      readonly account: string;
      readonly secretArn: string;
      readonly digest: string;
      readonly at: Date;
    }
  | { readonly kind: "ignored"; readonly reason: string };

/** Nothing follows from the event. The reason repeats nothing of it. */
export function ignored(reason: string): RotorEvent {
  return { kind: "ignored", reason };
}
