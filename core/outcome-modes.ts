import { rotationInput } from "./rotation-input.ts";

/**
 * The modes under which outcomes are measured: what an execution's input may say, "repair" too, because of a repair whose Plan
 * failed nothing else is known; and "unknown" for an input that says none of them. A fixed list: each one is a metric.
 */
export const OUTCOME_MODES = [...rotationInput.shape.mode.options, "unknown"] as const;
export type OutcomeMode = (typeof OUTCOME_MODES)[number];

/** Of what the workflow reports: anybody may have started an execution, with any text for a mode. Pure. */
export function toOutcomeMode(mode: string): OutcomeMode {
  return OUTCOME_MODES.find((each) => each === mode) ?? "unknown";
}
