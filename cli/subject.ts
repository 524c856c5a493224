import { randomUUID } from "node:crypto";
import { AWSCURRENT, AWSPENDING, describeSecret, holderOf, ROTATION_CANDIDATE } from "../core/versions/secret.ts";
import type { FixtureSubject } from "./fixtures.ts";
import type { Session } from "./session.ts";

/** What fixtures of a secret are about. Without one they are about a secret that is not there, so that nothing follows from them. */
export async function fixtureSubject(
  { clients, deployment }: Session,
  secretId: string | undefined,
): Promise<FixtureSubject> {
  const { account, region, partition, stateMachineArn, heartbeatSecretId } = await deployment();
  const heartbeat = await describeSecret(clients.secretsManager, heartbeatSecretId);
  const common = { account, region, stateMachineArn, heartbeatSecretArn: heartbeat.arn };
  if (secretId === undefined) {
    const name = "rotor/no-such-secret";
    const arn = `arn:${partition}:secretsmanager:${region}:${account}:secret:${name}-AbCdEf`;
    return { ...common, secretArn: arn, secretName: name, currentVersionId: randomUUID(), token: randomUUID() };
  }
  const secret = await describeSecret(clients.secretsManager, secretId);
  const [current, pending, candidate] = [AWSCURRENT, AWSPENDING, ROTATION_CANDIDATE].map((label) =>
    holderOf(secret.labels, label),
  );
  const currentVersionId = current ?? randomUUID();
  return {
    ...common,
    secretArn: secret.arn,
    secretName: secret.name,
    currentVersionId,
    token: pending ?? candidate ?? currentVersionId,
  };
}
