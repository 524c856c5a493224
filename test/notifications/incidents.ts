import type { Incident } from "../../core/incident.ts";

const TOKEN = "c07e5b6a-0000-4000-8000-0000000000b2";
const NAME = `rot-0123456789abcdef-${TOKEN}`;

const common = {
  secretArn: "arn:aws:secretsmanager:eu-west-1:123456789012:secret:orders/db/app-AbCdEf",
  secretName: "orders/db/app",
  owner: "orders",
  runbook: "https://runbooks.example.com/rotation",
  hasPolicy: true,
  token: null,
  step: null,
  functionArn: null,
  executionName: null,
  executionArn: null,
  at: "2026-11-23T02:00:00.000Z",
} satisfies Partial<Incident>;

/** Of a secret that nobody has declared nothing is read: neither its name nor who answers for it. */
const undeclared = { ...common, secretName: null, owner: null, runbook: null, hasPolicy: false };

/** One of every kind, and of those that differ by what is known. */
export const INCIDENTS: Readonly<Record<string, Incident>> = {
  "rotation-failed": {
    ...undeclared,
    kind: "rotation-failed",
    token: TOKEN,
    step: "setSecret",
    functionArn: "arn:aws:lambda:eu-west-1:123456789012:function:SecretsManagerMySQLRotation",
    name: "RotationFailed",
    message:
      "Secrets Manager reports that a rotation of orders/db/app failed during setSecret. It tries again by itself.",
    nextSteps: [
      "Read the function's log: Secrets Manager's event does not say why.",
      "Check that AWSCURRENT signs in: from setSecret on the target may have the new credential.",
    ],
    severity: "warning",
  },
  "rotation-failed-in-create-secret": {
    ...common,
    kind: "rotation-failed",
    token: TOKEN,
    step: "createSecret",
    functionArn: "arn:aws:lambda:ap-southeast-2:84...G9DQfx6",
    name: "RotationFailed",
    message: "Secrets Manager reports that a rotation of orders/db/app failed during createSecret.",
    nextSteps: ["Read the function's log: Secrets Manager's event does not say why."],
    severity: "warning",
  },
  "rotation-failed-nothing-known": {
    ...undeclared,
    kind: "rotation-failed",
    name: "RotationFailed",
    message: "Secrets Manager reports that a rotation failed.",
    nextSteps: [],
    severity: "warning",
  },
  "rotation-abandoned": {
    ...common,
    kind: "rotation-abandoned",
    token: TOKEN,
    name: "RotationAbandoned",
    message:
      "Secrets Manager has abandoned a rotation of orders/db/app: a new version was written while it ran. AWSPENDING was taken off; the target may already have the abandoned version's credential.",
    nextSteps: ["Check that AWSCURRENT signs in.", "Find out who wrote the version, and rotate again."],
    severity: "critical",
  },
  "test-rotation-failed": {
    ...common,
    kind: "test-rotation-failed",
    token: TOKEN,
    step: "testSecret",
    functionArn: "arn:aws:lambda:eu-west-1:123456789012:function:gate",
    name: "TestRotationFailed",
    message: "The test of the rotation of orders/db/app failed during testSecret. Nothing was changed.",
    nextSteps: ["Read the function's log: Secrets Manager's event does not say why.", "Put it right, and test again."],
    severity: "warning",
  },
  "rotation-cancelled": {
    ...common,
    kind: "rotation-cancelled",
    name: "RotationCancelled",
    message: "Rotation of orders/db/app was turned off by CancelRotateSecret. Its schedule has ended.",
    nextSteps: ["If this was not meant: call RotateSecret with --no-rotate-immediately to turn it on again."],
    severity: "warning",
  },
  "secret-deleted": {
    ...common,
    kind: "secret-deleted",
    name: "SecretDeleted",
    message: "orders/db/app was scheduled for deletion, and a policy still names it.",
    nextSteps: ["If this was not meant: call RestoreSecret within the recovery window."],
    severity: "critical",
  },
  "execution-died": {
    ...common,
    kind: "execution-died",
    token: TOKEN,
    name: "ABORTED",
    message: `The rotation of orders/db/app was stopped half-way: execution ${NAME} did not reach an outcome. Repair 1 of it rolls back what it has done, and tells how that ended.`,
    nextSteps: ["Wait for the outcome of the repair. Do not start another rotation before it."],
    severity: "warning",
    executionName: NAME,
    executionArn: `arn:aws:states:eu-west-1:123456789012:execution:rotation:${NAME}`,
  },
  "outcome-untold": {
    ...common,
    kind: "outcome-untold",
    token: TOKEN,
    name: "ROLLED_BACK",
    message: `The rotation of orders/db/app ended ROLLED_BACK, and nobody could be told then (execution ${NAME}). It failed in TestSecret, with CredentialRejected. The target refused the new version.`,
    nextSteps: [
      "See the failed step in the execution's history.",
      "Find out from the log of notify why it could not publish.",
    ],
    severity: "warning",
    executionName: NAME,
    executionArn: `arn:aws:states:eu-west-1:123456789012:execution:rotation:${NAME}`,
  },
  "request-refused": {
    ...common,
    kind: "request-refused",
    token: TOKEN,
    name: "RotationInProgress",
    message:
      "A rotation of orders/db/app that alice asked for was refused: another execution is at work. Nothing was changed.",
    nextSteps: ["Remove what the message names, and ask again with the next attempt."],
    severity: "warning",
  },
  finding: {
    ...common,
    kind: "finding",
    token: TOKEN,
    name: "StuckPending",
    message: `Version ${TOKEN} of orders/db/app has held AWSPENDING for 3 days, and no execution of it runs.`,
    nextSteps: ["AWSPENDING has to come off that version before the secret can be rotated."],
    severity: "warning",
  },
  "finding-with-commands": {
    ...common,
    secretArn: "arn:aws:secretsmanager:eu-west-1:123456789012:secret:orders/db!-AbCdEf",
    secretName: "orders/db!",
    kind: "finding",
    token: TOKEN,
    name: "StuckPending",
    message: `AWSPENDING is on version ${TOKEN} of the secret, and no execution of ours has rotated it.`,
    nextSteps: [
      {
        say: "See what the version is",
        command: ["aws", "secretsmanager", "list-secret-version-ids", "--secret-id", "orders/db!"],
      },
      "Find out which password the target accepts.",
    ],
    severity: "warning",
  },
  "finding-critical": {
    ...common,
    kind: "finding",
    token: TOKEN,
    name: "CredentialDrift",
    message: `AWSCURRENT of orders/db/app, version ${TOKEN}, does not sign in. No other labelled version does.`,
    nextSteps: ["Set the password of AWSCURRENT at the target."],
    severity: "critical",
  },
  "finding-notice": {
    ...common,
    kind: "finding",
    name: "CandidateLeft",
    message: "AWSPENDING is off again.",
    nextSteps: [],
    severity: "notice",
  },
};
