import { CreateStateMachineCommand, SFNClient } from "@aws-sdk/client-sfn";
import { expect, inject, test } from "vitest";
import { type Account, startAccount } from "../../local/account.ts";
import { deploy } from "../../local/deploy.ts";
import { rotor } from "./rotor.ts";

/** What goes to AWS by its name goes to this machine: the account stands where AWS does, and answers to its own name only. */
const AS_AWS = `--import data:text/javascript,${encodeURIComponent(`
  import http from "node:http";
  const { request } = http;
  http.request = ({ host, ...options }, ...rest) => {
    const isAws = host.endsWith(".amazonaws.com");
    const headers = { ...options.headers, ...(isAws ? { host: "127.0.0.1:" + options.port } : {}) };
    return request({ ...options, host: isAws ? "127.0.0.1" : host, headers }, ...rest);
  };
  (await import("node:module")).syncBuiltinESMExports();
`)}`;

/** Of somebody who has never heard of Rotor. */
async function addStranger({ endpoint, region }: Account): Promise<void> {
  const credentials = { accessKeyId: "test", secretAccessKey: "test" };
  const states = new SFNClient({ endpoint, region, credentials });
  const definition = JSON.stringify({ QueryLanguage: "JSONata", StartAt: "End", States: { End: { Type: "Succeed" } } });
  const roleArn = "arn:aws:iam::123456789012:role/any";
  await states.send(new CreateStateMachineCommand({ name: "rotation", definition, roleArn }));
}

function atAws({ endpoint, environment }: Account): Record<string, string> {
  const { port } = new URL(endpoint);
  return { ...environment, NODE_OPTIONS: AS_AWS, AWS_ENDPOINT_URL: `http://states.us-east-1.amazonaws.com:${port}` };
}

test("at AWS a state machine that is only called like an embedded account's is no stage", async () => {
  await using account = await startAccount();
  await deploy(account, { config: [], bundles: inject("bundles"), stage: { app: "rotor", stage: "prod" } });
  await addStranger(account);

  const ended = await rotor(atAws(account), "secrets", "--all");
  expect(ended.stderr).toBe("");
  expect([ended.status, ended.stdout]).toEqual([0, expect.stringContaining("rotor-prod-rotor/heartbeat")]);

  const here = await rotor(account.environment, "secrets", "--all");
  expect([here.status, here.stderr]).toEqual([253, expect.stringMatching(/several stages .*: .*local/)]);
});

test("nor is it a deployment, where there is none", async () => {
  await using account = await startAccount();
  await addStranger(account);
  const ended = await rotor(atAws(account), "secrets");
  expect([ended.status, ended.stderr]).toEqual([253, expect.stringContaining("No stage of rotor is deployed in")]);
});
