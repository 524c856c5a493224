import { randomBytes } from "node:crypto";
import { inspect } from "node:util";
import { PutSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { afterAll, beforeAll, expect, test } from "vitest";
import { signingKeyReader } from "../../core/signing-key.ts";
import { RealClock } from "../../local/clock.ts";
import { createSecretsManager } from "../../local/services/secretsmanager.ts";
import { AwsError } from "../../local/services/service.ts";
import { startWire, type Wire } from "../../local/wire.ts";
import { createCalls } from "../../local/wire-calls.ts";

const PLACE = { region: "eu-central-1", accountId: "111122223333" };
const KEY = randomBytes(32);
const live = () => new AbortController().signal;

const secretsManager = createSecretsManager({
  ...PLACE,
  clock: new RealClock(),
  emit: () => {},
  invoke: () => Promise.reject(new Error("no function is deployed here")),
});
const calls = createCalls();
let wire: Wire;
let client: SecretsManagerClient;

beforeAll(async () => {
  wire = await startWire({ port: 0, services: [secretsManager], calls, functionOf: () => undefined });
  const credentials = { accessKeyId: "AKIATEST", secretAccessKey: "test" };
  client = new SecretsManagerClient({ endpoint: wire.endpoint, region: PLACE.region, credentials });
  secretsManager.seed({ Name: "rotor/webhook", SecretString: `whsec_${KEY.toString("base64")}` });
});
afterAll(async () => {
  client.destroy();
  secretsManager.stop();
  await wire.close();
});

test("the key is read afresh each time: a new one is in use at once", async () => {
  const read = signingKeyReader(client);
  expect(await read("rotor/webhook", live())).toEqual(KEY);

  const next = randomBytes(24);
  const SecretString = `whsec_${next.toString("base64")}`;
  await client.send(new PutSecretValueCommand({ SecretId: "rotor/webhook", SecretString }));

  expect(await read("rotor/webhook", live())).toEqual(next);
});

test("a secret that holds something else is refused, and what it holds is not told", async () => {
  secretsManager.seed({ Name: "orders/db", SecretString: '{"password":"canary"}' });

  const error = await failure(signingKeyReader(client)("orders/db", live()));

  expect(error.name).toBe("ConfigurationInvalid");
  expect(error.message).toContain("The secret orders/db holds no key for signing");
  expect(inspect(error, { depth: 10 })).not.toContain("canary");
});

test("a secret that is not there is a mistake in the policy, not of the rotated secret", async () => {
  expect(await failure(signingKeyReader(client)("rotor/none", live()))).toMatchObject({
    name: "ConfigurationInvalid",
    message: "The key for signing, rotor/none, does not exist.",
  });
});

test.each([
  ["AccessDeniedException", 400, "AccessDenied"],
  ["InternalServiceError", 500, "ServiceUnavailable"],
])("%s is %s", async (name, status, ours) => {
  using _ = calls.intercept(() => {
    throw new AwsError(name, "", status);
  });

  expect((await failure(signingKeyReader(client)("rotor/webhook", live()))).name).toBe(ours);
});

async function failure(attempt: Promise<unknown>): Promise<Error> {
  return await attempt.then(
    () => new Error("It was read."),
    (error: Error) => error,
  );
}
