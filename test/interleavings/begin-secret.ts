import { randomUUID } from "node:crypto";
import type { Arena } from "./arena.ts";
import type { Login } from "./target.ts";

/** A secret with AWSCURRENT, and with AWSPREVIOUS and a label of its owner's on an older version. */
export function beginSecret(arena: Arena, name: string, logins: { readonly base: Login; readonly older: Login }) {
  const [base, older] = [randomUUID(), randomUUID()];
  const first = { Name: name, ClientRequestToken: base, SecretString: JSON.stringify(logins.base) };
  const secretArn = String(arena.ask("secretsManager", "CreateSecret", first)["ARN"]);
  arena.ask("secretsManager", "PutSecretValue", {
    SecretId: secretArn,
    ClientRequestToken: older,
    SecretString: JSON.stringify(logins.older),
    VersionStages: ["AWSPREVIOUS", "BLUE"],
  });
  return { secretArn, base, older };
}

/** What CloudTrail has told of the secret: the event's name, and the token of the rotation that it is about. */
export function rotationEventsOf(secretArn: string, events: readonly { readonly detail: unknown }[]) {
  return events.flatMap(({ detail }) => {
    const { eventName, requestID, additionalEventData } = detail as Record<string, unknown>;
    const about = (additionalEventData as { SecretId?: string } | undefined)?.SecretId;
    if (about !== secretArn) return [];
    return [{ name: String(eventName), token: String(requestID).slice(`Rotation-${secretArn}-`.length) }];
  });
}
