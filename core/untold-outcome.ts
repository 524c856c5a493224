import { aboutExecution } from "./execution-incident.ts";
import { type Execution, OWN_ENDS } from "./executions.ts";
import type { Incident } from "./incident.ts";
import type { Policy } from "./policies.ts";
import type { RotationInput } from "./rotation-input.ts";

/** Whether the execution reached an outcome, and Notify could not tell it: the end of the execution says so. Pure. */
export function isUntold({ error, facts }: Execution): boolean {
  return OWN_ENDS.has(error ?? "") && facts["told"] === false;
}

/** What people are told of it then, from what the execution's end says. The same for the same execution. Pure. */
export function untoldOutcome(
  policies: readonly Policy[],
  execution: Execution,
  rotation: Pick<RotationInput, "secretArn" | "token">,
): Incident {
  const { facts, error, name } = execution;
  const about = aboutExecution(policies, execution, rotation);
  const said = (key: string) => (typeof facts[key] === "string" ? facts[key] : undefined);
  const outcome = said("outcome") ?? error ?? execution.status;
  const reasons = [said("message"), said("rollbackMessage")].filter((each) => each !== undefined);
  const where = said("failedIn") === undefined ? "" : ` It failed in ${said("failedIn")}, with ${said("error")}.`;
  return {
    ...about,
    kind: "outcome-untold",
    name: outcome,
    message: `The rotation of ${about.secretName} ended ${outcome}, and nobody could be told then (execution ${name}).${where} ${reasons.join(" ")}`,
    nextSteps: [
      outcome === "ROLLBACK_FAILED"
        ? "Find out which version the target accepts, and make AWSCURRENT and the target agree. The secret is frozen until then."
        : "See the failed step in the execution's history.",
      "Find out from the log of notify why it could not publish.",
    ],
    severity: SEVERITIES[outcome] ?? "critical",
  };
}

const SEVERITIES: Readonly<Record<string, Incident["severity"]>> = {
  REJECTED: "warning",
  ROLLED_BACK: "warning",
  NOT_CONVERGED: "critical",
};
