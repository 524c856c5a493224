import type { ContainerDefinition, TaskDefinition } from "@aws-sdk/client-ecs";
import type { SecretChange } from "./dependent.ts";

/**
 * What keeps a task definition's containers from ever taking up another version of the secret: a version id, or a staging label
 * other than AWSCURRENT, in `valueFrom`. One sentence for the first that is found; undefined when there is none. Pure.
 */
export function findPin(
  definition: TaskDefinition,
  secret: Pick<SecretChange, "secretArn" | "secretName">,
): string | undefined {
  const called = `${definition.family}:${definition.revision}`;
  for (const container of definition.containerDefinitions ?? []) {
    for (const { name, valueFrom = "" } of referencesOf(container)) {
      const pin = pinIn(valueFrom, secret);
      if (pin === undefined) continue;
      return `Container ${container.name} of task definition ${called} takes ${pin} of ${secret.secretName} as ${name}, and so would never follow a rotation: end its valueFrom after the JSON key.`;
    }
  }
  return undefined;
}

function referencesOf({ secrets = [], logConfiguration }: ContainerDefinition) {
  return [...secrets, ...(logConfiguration?.secretOptions ?? [])];
}

/** `arn:aws:secretsmanager:<Region>:<account>:secret:<name>`, then perhaps `:<JSON key>:<label>:<version id>`, each perhaps empty. */
function pinIn(
  valueFrom: string,
  { secretArn, secretName }: Pick<SecretChange, "secretArn" | "secretName">,
): string | undefined {
  const [, , service, , , , name, , label = "", versionId = ""] = valueFrom.split(":");
  const isIt = name === secretName || name === secretArn.split(":")[6];
  if (service !== "secretsmanager" || !isIt) return undefined;
  if (versionId !== "") return "one version";
  return label === "" || label === "AWSCURRENT" ? undefined : "the version that holds another label than AWSCURRENT";
}
