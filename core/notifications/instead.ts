import type { OutcomeFacts } from "../outcome.ts";
import type { NextStep } from "./assess.ts";
import { describeSecret, rotateMasterUser, rotateSecret } from "./commands.ts";

/**
 * What can be done where somebody else has rotated and their version stays: who may change a secret depends on its class
 * (secrets-manager-rotation 4.2 and 4.3). Empty for an unknown class. Pure.
 */
export function insteadOfRollback(facts: OutcomeFacts): readonly NextStep[] {
  switch (facts.secretClass) {
    case "managed":
      return [
        { say: `AWS refuses changes of ours to a managed secret: the old version cannot be put back. ${AGAIN}` },
        ...ownersCommand(facts),
      ];
    case "managed external":
      return [
        {
          say: `AWS refuses changes of ours to a managed external secret, and its partner may have deleted the old credential. ${AGAIN}`,
        },
      ];
    case "native ours":
    case "native foreign":
      return [
        look(facts),
        { say: "If the new version is bad, have its own rotation function rotate again", command: rotateSecret(facts) },
      ];
    case "cancelled":
    case "never configured":
      return [
        look(facts),
        { say: "If the new version is bad, have whoever wrote it write another: Secrets Manager does not rotate it" },
      ];
    case "replica":
      return [{ say: "If the new version is bad, change the secret in its primary Region: this is a replica" }];
    case "pending deletion":
      return [{ say: "Restore the secret first: it is scheduled for deletion" }];
    default:
      return [look(facts)];
  }
}

const AGAIN =
  "If the new one is bad, have it rotated again: put a Rotation Requested event on the rotation bus, and Rotor asks for that rotation and observes it";

/** Before anything is moved by hand. */
export function look(facts: OutcomeFacts): NextStep {
  return { say: "See which versions the secret has before anything is moved by hand", command: describeSecret(facts) };
}

/** RDS names its secrets rds!db-<id> and rds!cluster-<id>; the id is not that of the instance. */
function ownersCommand(facts: OutcomeFacts): readonly NextStep[] {
  const kind = /^rds!(db|cluster)-/.exec(facts.secretName ?? "")?.[1];
  if (kind === undefined) return [{ say: "Or rotate it with the service that owns it" }];
  const what = kind === "db" ? "instance" : "cluster";
  return [
    {
      say: `Or rotate it with RDS itself, with the identifier of the ${what} in place of ${what.toUpperCase()}`,
      command: rotateMasterUser(facts, what),
    },
  ];
}
