import { RETRYABLE, TERMINAL } from "../errors.ts";
import type { Incident } from "../incident.ts";
import type { OutcomeFacts } from "../outcome.ts";
import { DIAGNOSES } from "../reconcile/finding.ts";

/** The sections that messages link to, of the page that docs/runbooks.md is: each is there, which a test looks at. */
export const SECTIONS: ReadonlySet<string> = new Set([
  ...RETRYABLE,
  ...TERMINAL,
  // What is merely due is told to nobody.
  ...DIAGNOSES.filter((diagnosis) => diagnosis !== "RotationDue"),
  ...["RotationFailed", "RotationAbandoned", "TestRotationFailed", "SecretDeleted"],
]);

/** Where an error's name is not one of ours: by the code in its message. */
const ROOT_CAUSES = "root-causes";

/** The section for how a rotation ended; undefined where there is nothing to look up. @param page the page's address */
export function errorRunbook(
  { outcome, failure, rollbackFailure }: OutcomeFacts,
  page: string | undefined,
): string | undefined {
  if (page === undefined || outcome === "SUCCEEDED") return undefined;
  const name = outcome === "ROLLBACK_FAILED" ? "RollbackFailed" : (rollbackFailure?.name ?? failure?.name);
  return name === undefined ? undefined : `${page}#${section(name)}`;
}

/** The section for an incident. @param page the page's address */
export function incidentRunbook({ kind, name }: Incident, page: string | undefined): string | undefined {
  if (page === undefined) return undefined;
  if (kind === "execution-died") return `${page}#${section("DeadExecution")}`;
  return `${page}#${section(kind === "outcome-untold" ? "OutcomeUntold" : name)}`;
}

// --- internal ---

function section(name: string): string {
  return SECTIONS.has(name) ? name.toLowerCase() : ROOT_CAUSES;
}
