import { randomUUID } from "node:crypto";
import { PutSecretValueCommand } from "@aws-sdk/client-secrets-manager";
import { deriveToken } from "../../core/identity.ts";
import type { LabelTable } from "../../core/outcome.ts";
import { holderOf } from "../../core/versions/secret.ts";
import type { SecretOptions, TestSecret, World } from "./world.ts";

/** A secret with a past: AWSPREVIOUS and a label of somebody's own are on an older version, whose password is refused. */
export interface Situation extends TestSecret {
  readonly mode: "native" | "driven";
  readonly older: string;
  /** The labels before: what every rotation that does not succeed has to leave. */
  readonly before: LabelTable;
  rolledBack(token: string): LabelTable;
  succeeded(token: string): LabelTable;
}

export interface SituationOptions extends SecretOptions {
  readonly mode?: "native" | "driven";
}

export async function situation(world: World, { mode = "driven", ...options }: SituationOptions = {}) {
  const secret = await world.addSecret({ ...options, policy: { mode, ...options.policy } });
  return withPast(world, secret, mode);
}

/** Asks for a rotation as the secret's mode wants it, and waits for its end. Returns the candidate's VersionId. */
export async function rotateOnce(world: World, secret: Situation, attempt = 1): Promise<string> {
  if (secret.mode === "native") return world.rotate(secret);
  const base = holderOf(await world.labels(secret), "AWSCURRENT") ?? "";
  await world.request(secret, { attempt });
  return deriveToken(secret.arn, base, attempt);
}

async function withPast(world: World, secret: TestSecret, mode: Situation["mode"]): Promise<Situation> {
  const older = randomUUID();
  await world.client.send(
    new PutSecretValueCommand({
      SecretId: secret.arn,
      ClientRequestToken: older,
      SecretString: JSON.stringify({
        engine: "postgres",
        host: secret.proxy.host,
        port: secret.proxy.port,
        ssl: false,
        username: secret.username,
        password: `older-${randomUUID()}`,
      }),
      VersionStages: ["AWSPREVIOUS", "BLUE"],
    }),
  );
  const base = secret.firstVersion;
  const past = { [base]: ["AWSCURRENT"], [older]: ["AWSPREVIOUS", "BLUE"] };
  const pending = mode === "native" ? ["AWSPENDING"] : [];
  return {
    ...secret,
    mode,
    older,
    before: past,
    rolledBack: (token) => ({ ...past, [token]: ["ROTATION_ROLLED_BACK"] }),
    // In native mode AWSPENDING stays: that label is Secrets Manager's own business.
    succeeded: (token) => ({
      [base]: ["AWSPREVIOUS"],
      [older]: ["BLUE"],
      [token]: ["AWSCURRENT", ...pending, "ROTATION_CANDIDATE"],
    }),
  };
}
