import { RotateSecretCommand } from "@aws-sdk/client-secrets-manager";
import { fromAwsError, hasName, isDeleted, isUnfinished } from "./aws.ts";
import type { Dispatched, Dispatcher } from "./dispatch.ts";
import type { Policy } from "./policies.ts";
import { reportIncidents } from "./report-incidents.ts";
import { refusedRequest } from "./secret-incidents.ts";
import { describeSecret, type Secret } from "./versions/secret.ts";

/**
 * Asks Secrets Manager to rotate, once, under the derived token; whoever rotates the secret there goes on from it. Its
 * configuration is left as it is. May be repeated: a token that has become a version is a duplicate.
 *
 * @throws RotationError AccessDenied, Throttled, ServiceUnavailable and others as fromAwsError names them
 */
export async function requestRotation(
  { client, eventBridge, busName }: Dispatcher,
  secret: Secret,
  policy: Policy,
  token: string,
): Promise<Dispatched> {
  const done = { secretArn: secret.arn, token };
  try {
    await client.send(new RotateSecretCommand({ SecretId: secret.arn, ClientRequestToken: token }));
    return { ...done, decision: "requested", reason: "RotateSecret" };
  } catch (error) {
    // AWS refuses so while another rotation is not complete (secrets-manager-rotation 2.3), our own duplicate included.
    const refused = hasName(error, "InvalidRequestException") && !isDeleted(error);
    if (!refused) throw fromAwsError(error, `secretsmanager:RotateSecret on ${secret.name}`);
    // A managed secret's version need not be there before it is AWSCURRENT: what was asked for is on its way, and told then.
    const isManaged = secret.owningService !== undefined || secret.type !== undefined;
    if (isManaged && isUnfinished(error)) return { ...done, decision: "duplicate", reason: "its owner is rotating it" };
  }
  const { labels } = await describeSecret(client, secret.arn);
  if (labels[token] !== undefined)
    return { ...done, decision: "duplicate", reason: "a version of this request exists" };
  const because =
    "Secrets Manager has not completed an earlier rotation, or does not let this one be asked for. See which version holds AWSPENDING.";
  const incident = refusedRequest(
    { token, requester: undefined, name: "RotationInProgress", because },
    secret,
    policy,
    Date.now(),
  );
  await reportIncidents(eventBridge, busName, [incident]);
  return { ...done, decision: "reported", reason: incident.name };
}
