import { randomUUID } from "node:crypto";
import { CreateSecretCommand, type SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import type { PolicyInput } from "../../core/policies.ts";
import { type TestDatabase, uniqueName } from "../support/database.ts";
import { type DependentDouble, startDependent } from "../support/dependent-double.ts";
import { SCENARIOS, type Scenario } from "./vectors.ts";

/** A secret that is rotated again and again, with one dependent that outlives the account's process. */
export interface KilledSecret extends Scenario {
  readonly arn: string;
  readonly name: string;
  readonly dependent: DependentDouble;
  readonly policy: PolicyInput;
}

/** One for each scenario. */
export async function createSecrets(
  client: SecretsManagerClient,
  database: TestDatabase,
): Promise<readonly KilledSecret[]> {
  const { host, port, admin } = database;
  const place = { engine: "postgres", host, port, dbname: "postgres", ssl: false };
  const create = async (Name: string, login: object) =>
    (await client.send(new CreateSecretCommand({ Name, SecretString: JSON.stringify({ ...place, ...login }) }))).ARN ??
    "";
  const administrator = uniqueName("kill/admin");
  const masterarn = await create(administrator, { username: admin.username, password: admin.password });
  const secrets: KilledSecret[] = [];
  for (const scenario of SCENARIOS) {
    const alternating = scenario.strategy === "postgres-alternating-users";
    const [name, username, password] = [uniqueName("kill/db"), uniqueName("kill"), `first-${randomUUID()}`];
    await database.createRole(username, password);
    const arn = await create(name, { username, password, ...(alternating ? { masterarn } : {}) });
    const dependent = await startDependent("orders-api", arn, client, scenario.broken ? "cache" : "reload");
    secrets.push({
      ...{ ...scenario, arn, name, dependent },
      policy: {
        ...{ secretId: name, strategy: scenario.strategy, mode: scenario.mode, retryAfterRollbackSeconds: 0 },
        ...(alternating ? { administratorSecretId: administrator } : {}),
        verify: { intervalSeconds: 1, deadlineSeconds: 60 },
        dependents: [
          {
            ...{ name: dependent.name, kind: "http-endpoint", application: dependent.name },
            target: {
              refresh: `${dependent.url}/refresh`,
              verify: `${dependent.url}/health`,
              probe: `${dependent.url}/probe`,
            },
          },
        ],
      },
    });
  }
  return secrets;
}
