import type { Mutant } from "./mutant.ts";

/** An edit that no play notices. */
export interface Unnoticed extends Omit<Mutant, "by"> {
  readonly why: string;
}

/** Something else holds what they break. */
export const EQUIVALENT: readonly Unnoticed[] = [
  {
    name: "a claim whose reply was lost is taken for lost",
    file: "core/versions/claim.ts",
    from: "if (holds(now.labels, wanted.token, AWSPENDING)) return now;",
    to: "",
    why: "AWSPENDING that is on the version already is moved there without a word in the account. Whether AWS refuses that is unconfirmed, and the line is for the case that it does.",
  },
  {
    name: "whatever has ended well has succeeded, for the gate",
    file: "core/gate/test-secret.ts",
    from: 'if (ended.status === "SUCCEEDED" && ended.outcome === "SUCCEEDED") return;',
    to: 'if (ended.status !== "RUNNING") return;',
    why: "Secrets Manager calls finishSecret next, which asks the execution for its outcome once more.",
  },
  {
    name: "every repair that there ever was has finished what died",
    file: "core/repair-after.ts",
    from: "return !isDead || (repair.stoppedAt?.getTime() ?? 0) > endedMs;",
    to: "return true || isDead;",
    why: "Only where the clocks of Step Functions and of what stopped a repair differ: an account of the tests has one clock.",
  },
  {
    name: "what is observed and nobody follows any more is started again",
    file: "core/decide.ts",
    from: "if (!holds(secret.labels, versionId, AWSCURRENT)) {",
    to: "if (versionId === undefined) {",
    why: "The Plan of what is observed looks for AWSCURRENT itself, and ignores the version.",
  },
];
