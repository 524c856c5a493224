import type { Mutant } from "./mutant.ts";
import { STARTING } from "./starting.ts";
import { STEPS } from "./steps.ts";
import { TAKING_BACK } from "./taking-back.ts";
import { TELLING } from "./telling.ts";
import { VERSIONS } from "./versions.ts";
import { ENDS } from "./workflow-ends.ts";
import { FORWARD } from "./workflow-forward.ts";

export const MUTANTS: readonly Mutant[] = [
  ...STEPS,
  ...VERSIONS,
  ...TAKING_BACK,
  ...STARTING,
  ...TELLING,
  ...FORWARD,
  ...ENDS,
];

/** Changes nothing. It has to survive every play, or what kills a mutant is the harness. */
export const CONTROL: Mutant = {
  name: "nothing at all",
  file: "core/versions/secret.ts",
  from: "/** The version that a label is on. */",
  to: "/** The version which a label is on. */",
  by: "",
};
