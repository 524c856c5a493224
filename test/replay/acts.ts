import { AWSCURRENT, AWSPENDING, holderOf, ROTATION_FROZEN } from "../../core/versions/secret.ts";
import type { Stage } from "./stage.ts";

/** What people and services do while an execution runs. */
export type Doing = "freeze" | "take AWSPENDING off" | "change the password" | "fall ill";

/** `before`: the Step, action or outcome that a task is called with, "plan" for Plan. */
export interface Act {
  readonly before: string;
  readonly does: Doing;
}

const DOINGS: Readonly<Record<Doing, (stage: Stage) => Promise<void>>> = {
  async freeze(stage) {
    stage.moveLabel(ROTATION_FROZEN, stage.ids().base, undefined);
  },
  async "take AWSPENDING off"(stage) {
    stage.moveLabel(AWSPENDING, undefined, holderOf(stage.labels(), AWSPENDING));
  },
  async "change the password"(stage) {
    await stage.changePassword(holderOf(stage.labels(), AWSCURRENT) ?? "");
  },
  async "fall ill"(stage) {
    for (const { faults } of stage.dependents()) faults.health = 503;
  },
};

export function perform(stage: Stage, { does }: Act): Promise<void> {
  return DOINGS[does](stage);
}
