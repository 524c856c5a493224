import { RotateSecretCommand } from "@aws-sdk/client-secrets-manager";
import { fromAwsError, hasName, isDeleted, isUnfinished } from "./aws.ts";
import type { Decision } from "./decision.ts";
import type { Dispatched, Dispatcher, Subject } from "./dispatch.ts";
import type { RotationError } from "./errors.ts";
import { reportIncidents } from "./report-incidents.ts";
import { refusedRequest } from "./secret-incidents.ts";
import { describeSecret } from "./versions/secret.ts";
import { isYoung, lookAgain } from "./young-event.ts";

/**
 * Asks Secrets Manager to rotate, once, under the derived token; whoever rotates the secret there goes on from it. Its
 * configuration is left as it is. May be repeated: a token that has become a version is a duplicate.
 *
 * @throws RotationError VersionNotVisible (refused because of another rotation, which may be that of the event's other copy:
 *   while the event is young its version need not be seen), AccessDenied, Throttled, ServiceUnavailable and others as
 *   fromAwsError names them
 */
export async function requestRotation(
  { client, eventBridge, busName }: Dispatcher,
  { secret, policy, at }: Subject,
  { token, requester }: Extract<Decision, { readonly do: "rotate-secret" }>,
): Promise<Dispatched> {
  const done = { secretArn: secret.arn, token };
  const nowMs = Date.now();
  let refusal: unknown;
  try {
    await client.send(new RotateSecretCommand({ SecretId: secret.arn, ClientRequestToken: token }));
    return { ...done, decision: "requested", reason: "RotateSecret" };
  } catch (error) {
    // AWS refuses so while another rotation is not complete (secrets-manager-rotation 2.3), our own duplicate included.
    if (!hasName(error, "InvalidRequestException") || isDeleted(error)) throw toError(error, secret.name);
    refusal = error;
  }
  // A managed secret's version need not be there before it is AWSCURRENT: what was asked for is on its way, and told then.
  const isManaged = secret.owningService !== undefined || secret.type !== undefined;
  if (isManaged && isUnfinished(refusal)) return { ...done, decision: "duplicate", reason: "its owner is rotating it" };
  const { labels } = await describeSecret(client, secret.arn);
  if (labels[token] !== undefined) {
    return { ...done, decision: "duplicate", reason: "a version of this request exists" };
  }
  if (isUnfinished(refusal) && isYoung(at, nowMs)) {
    throw lookAgain(secret.name, `it is being rotated, and not to version ${token}`);
  }
  const incident = refusedRequest({ token, requester, ...whyRefused(refusal, secret.name) }, secret, policy, nowMs);
  await reportIncidents(eventBridge, busName, [incident]);
  return { ...done, decision: "reported", reason: incident.name };
}

function whyRefused(refusal: unknown, secretName: string) {
  if (isUnfinished(refusal)) {
    const because = "Secrets Manager has not completed an earlier rotation. See which version holds AWSPENDING.";
    return { name: "RotationInProgress", because } as const;
  }
  if (toError(refusal, secretName).name === "SecretManagedElsewhere") {
    const because = "the AWS service that manages it does not let Secrets Manager be asked for a rotation.";
    return { name: "SecretManagedElsewhere", because } as const;
  }
  const because = "Secrets Manager refused RotateSecret. The call's errorMessage in CloudTrail says why.";
  return { name: "ConfigurationInvalid", because } as const;
}

function toError(error: unknown, secretName: string): RotationError {
  return fromAwsError(error, `secretsmanager:RotateSecret on ${secretName}`);
}
