import type { OutcomeFacts } from "../core/outcome.ts";
import type { Deployment } from "./deployment.ts";

export const SAMPLE_NAMES = ["succeeded", "rejected", "rolled_back", "not_converged", "rollback_failed"] as const;
export type SampleName = (typeof SAMPLE_NAMES)[number];

/** What an outcome's message would be made from, about a secret that is not there. */
export function sampleOf(name: SampleName, here: Deployment): OutcomeFacts {
  return SAMPLES[name](here);
}

// --- internal ---

const SAMPLES: Readonly<Record<SampleName, (here: Deployment) => OutcomeFacts>> = {
  succeeded: (here) => ({
    ...common(here, "SUCCEEDED"),
    labels: { before: BEFORE, during: PROMOTED, now: PROMOTED },
    dependents: seen("strong"),
  }),
  rejected: (here) => ({
    ...common(here, "REJECTED"),
    labels: { before: BEFORE, now: { [BASE]: ["AWSCURRENT"] } },
    dependents: {},
    failure: {
      step: "Plan",
      name: "OutsideWindow",
      message: "The policy's windows are closed until 02:00 UTC. Nothing was touched.",
    },
  }),
  rolled_back: (here) => ({
    ...common(here, "ROLLED_BACK"),
    labels: { before: BEFORE, during: PROMOTED, now: { [BASE]: ["AWSCURRENT"], [TOKEN]: ["ROTATION_ROLLED_BACK"] } },
    dependents: {
      ...seen("none"),
      restored: [{ dependent: "sample-api", strength: "strong", seen: "signed in with the old version" }],
    },
    failure: UNHEALTHY,
    restoredAt: new Date().toISOString(),
  }),
  not_converged: (here) => ({
    ...common(here, "NOT_CONVERGED"),
    labels: { before: BEFORE, during: PROMOTED, now: PROMOTED },
    dependents: seen("none"),
    failure: UNHEALTHY,
  }),
  rollback_failed: (here) => ({
    ...common(here, "ROLLBACK_FAILED"),
    labels: { before: BEFORE, during: PROMOTED, now: PROMOTED },
    dependents: seen("none"),
    failure: UNHEALTHY,
    rollbackFailure: { step: "RollBack", name: "TargetUnavailable", message: "sample-db:5432 refuses connections." },
    truthTable: [
      { versionId: BASE, labels: ["AWSPREVIOUS"], signIn: "unreachable" },
      { versionId: TOKEN, labels: ["AWSCURRENT"], signIn: "unreachable" },
    ],
    frozen: true,
  }),
};

const UNHEALTHY = {
  step: "ConvergeDependents",
  name: "DependentUnhealthy",
  message: "sample-api: answered with status 503.",
};
const BASE = "00000000-0000-4000-8000-00000000000a";
const TOKEN = "00000000-0000-4000-8000-00000000000b";
const BEFORE = { [BASE]: ["AWSCURRENT"], [TOKEN]: ["AWSPENDING"] };
const PROMOTED = { [TOKEN]: ["AWSCURRENT", "ROTATION_CANDIDATE"], [BASE]: ["AWSPREVIOUS"] };

function common({ region, account, partition, stateMachineArn }: Deployment, outcome: OutcomeFacts["outcome"]) {
  const at = new Date().toISOString();
  const name = `rot-0000000000000000-${TOKEN}`;
  return {
    outcome,
    execution: { arn: `${stateMachineArn.replace(":stateMachine:", ":execution:")}:${name}`, name, startedAt: at },
    secretArn: `arn:${partition}:secretsmanager:${region}:${account}:secret:rotor/sample-AbCdEf`,
    secretName: "rotor/sample",
    ...{ token: TOKEN, base: BASE, mode: "native", strategy: "postgres-single-user", owner: "sample" },
    ...{ signedInAt: at, promotedAt: at },
  };
}

function seen(strength: "strong" | "none"): OutcomeFacts["dependents"] {
  return {
    baseline: [{ dependent: "sample-api", health: "healthy", seen: "healthy before" }],
    after: [
      {
        dependent: "sample-api",
        strength,
        seen: strength === "none" ? "not seen on the new version" : "signed in with it",
      },
    ],
  };
}
