import type { Incident } from "../incident.ts";
import type { IncidentBody } from "./incident-schema.ts";
import { clean, identifier } from "./text.ts";

/** What an incident means for its reader. Nothing is claimed that it does not say: it has tried no credential. */
export interface IncidentAssessment {
  readonly actionRequired: boolean;
  readonly production: IncidentBody["state"]["production"];
  readonly verdict: string;
  /** The end of the subject. */
  readonly said: string;
}

/** Pure, and the same incident always gives the same words. Never throws. */
export function assessIncident(incident: Incident): IncidentAssessment {
  const { production, what } = meaningOf(incident);
  const { severity, step, name } = incident;
  return {
    actionRequired: severity !== "notice",
    production,
    verdict: `${SENTENCES[production ?? "unknown"]}: ${what}; ${duty(incident)}`,
    said: `${SAID[incident.kind]} - ${step === null ? identifier(name, 64) : `in ${step}`}`,
  };
}

const SENTENCES = {
  unchanged: "Production was not touched by this",
  "may-be-broken": "Production may be broken",
  unknown: "Whether production works is not known",
} as const;

const SAID: Readonly<Record<Incident["kind"], string>> = {
  "rotation-failed": "ROTATION FAILED",
  "rotation-abandoned": "ROTATION ABANDONED",
  "test-rotation-failed": "test of rotation failed",
  "rotation-cancelled": "rotation turned off",
  "secret-deleted": "SECRET DELETED",
  "execution-died": "EXECUTION DIED",
  "outcome-untold": "could not be told",
  "request-refused": "request refused",
  finding: "found",
};

const UNMEASURED = "which version the target accepts was not measured";

function meaningOf(incident: Incident): {
  readonly production: IncidentAssessment["production"];
  readonly what: string;
} {
  const { step, severity, name } = incident;
  switch (incident.kind) {
    case "rotation-failed":
      // Of a function that is not ours it is not known that createSecret only makes a value, as AWS's contract has it.
      if (step === "createSecret") {
        return {
          production: null,
          what: "a rotation failed in createSecret, which by AWS's contract comes before the target is changed",
        };
      }
      return {
        production: step === null ? null : "may-be-broken",
        what: `a rotation failed${step === null ? "" : ` in ${step}`}, and ${UNMEASURED}`,
      };
    case "rotation-abandoned":
      return {
        production: "may-be-broken",
        what: `a rotation was abandoned because a new version was written while it ran, and ${UNMEASURED}`,
      };
    case "test-rotation-failed":
      return { production: "unchanged", what: "only a test of the rotation failed" };
    case "rotation-cancelled":
      return { production: "unchanged", what: "rotation of the secret was turned off, and its schedule has ended" };
    case "secret-deleted":
      return { production: "may-be-broken", what: "the secret is scheduled for deletion, and nobody can read it" };
    case "execution-died":
      return { production: "may-be-broken", what: `an execution ended without an outcome, and ${UNMEASURED}` };
    case "outcome-untold":
      return {
        production: name === "REJECTED" ? "unchanged" : name === "ROLLED_BACK" ? null : "may-be-broken",
        what: `a rotation ended ${identifier(name, 64)}, which could not be told when it did`,
      };
    case "request-refused":
      return { production: "unchanged", what: `a request was refused with ${identifier(name, 64)}` };
    case "finding":
      return {
        production: severity === "critical" ? "may-be-broken" : null,
        // A diagnosis of one word says little: what was found does.
        what: clean(incident.message, 160).replace(/\.$/, "") || `${identifier(name, 64)} was found`,
      };
  }
}

/** The first step is what a reader has to know at once; the others, and all of it, come below. */
function duty({ nextSteps, severity }: Incident): string {
  const said = nextSteps.map((each) => (typeof each === "string" ? each : each.say));
  const [first] = said.map((each) => clean(each, 120)).filter((each) => each !== "");
  if (first === undefined) return severity === "notice" ? "nothing to do." : "to do: look into it.";
  // "Read the log" goes on in a sentence, "AWSPENDING is left" stays.
  const todo = /^[A-Z][a-z]/.test(first) ? `${first.charAt(0).toLowerCase()}${first.slice(1)}` : first;
  return `to do: ${/[.!?]$/.test(todo) ? todo : `${todo}.`}`;
}
