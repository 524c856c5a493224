import { spawn } from "node:child_process";
import { CreateSecretCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { ListExecutionsCommand, SFNClient } from "@aws-sdk/client-sfn";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { type Account, startAccount } from "../../local/account.ts";
import { type Deployment, deploy } from "../../local/deploy.ts";
import type { BusEvent } from "../../local/services/service.ts";
import { VirtualClock } from "../../local/virtual-clock.ts";
import { documentOf, rotor } from "./rotor.ts";

const STAGES = ["production", "prod", "staging"] as const;
const secretOf = (stage: string) => `${stage}/key`;
const NAME = secretOf("production");

let account: Account;
let production: Deployment;
let sfn: SFNClient;
const run = (stage: string, ...args: readonly string[]) => rotor(account.environment, ...args, "--stage", stage);

beforeAll(async () => {
  const chaos = { copies: (event: BusEvent) => (event["detail-type"] === "Scheduled Event" ? 0 : 1) };
  account = await startAccount({ clock: new VirtualClock({ start: Date.now() }), chaos });
  const { endpoint, region } = account;
  const configuration = { endpoint, region, credentials: { accessKeyId: "a", secretAccessKey: "b" } };
  sfn = new SFNClient(configuration);
  const secretsManager = new SecretsManagerClient(configuration);
  const config = STAGES.map((stage) => ({
    ...{ secretId: secretOf(stage), stages: [stage], strategy: "random-text", mode: "driven", rehearses: true },
  }));
  for (const stage of STAGES) {
    const deployed = await deploy(account, {
      ...{ config, bundles: inject("bundles"), stage: { app: "rotor", stage } },
      environment: { "roll-back": { CONFIRM_PAUSE_MS: "50" } },
    });
    if (stage === "production") production = deployed;
    const secret = { Name: secretOf(stage), SecretString: "x".repeat(40) };
    await secretsManager.send(new CreateSecretCommand(secret));
  }
});
afterAll(() => account.close());

/** What commands have brought about in production so far: executions, requests on its bus, and what dispatch was shown. */
async function effects() {
  await account.idle();
  const { stateMachineArn, busName, functionArns } = production;
  const { executions = [] } = await sfn.send(new ListExecutionsCommand({ stateMachineArn }));
  const requests = account.events.seen().filter(({ bus, source }) => bus === busName && source !== "rotor.rotation");
  const shown = account.calls().filter(({ operation, caller, input }) => {
    const { FunctionName } = Object(input) as { readonly FunctionName?: string };
    return operation === "Invoke" && caller === undefined && FunctionName === functionArns.dispatch;
  });
  return { executions: executions.length, requests: requests.length, shown: shown.length };
}

/** Runs the program on a terminal of its own, and presses these keys when it asks. */
function onTerminal(keys: string, ...args: readonly string[]): Promise<{ status: number | null; screen: string }> {
  const command = [process.execPath, inject("program"), ...args].map((each) => `'${each}'`).join(" ");
  const child = spawn("script", ["-qec", command, "/dev/null"], { env: { ...process.env, ...account.environment } });
  let screen = "";
  child.stdout.on("data", (data) => {
    const isAsked = screen.includes("to go on:");
    screen += data;
    if (!isAsked && screen.includes("to go on:")) child.stdin.write(keys);
  });
  return new Promise((resolve) => child.on("close", (status) => resolve({ status, screen })));
}

const SEVERE = [
  ["rotate", [NAME], NAME, { executions: 1, requests: 1, shown: 0 }],
  // Both parts of it.
  ["rehearse", [NAME], NAME, { executions: 2, requests: 1, shown: 0 }],
  ["trigger", ["repair-requested", "--secret", NAME], "production", { executions: 1, requests: 1, shown: 0 }],
  ["trigger", ["rotation-abandoned", "--secret", NAME], "production", { executions: 0, requests: 0, shown: 1 }],
] as const;

describe("in a production stage", () => {
  test.each(SEVERE)("%s %j is not done until it is said that it is meant; then it is", async (...severe) => {
    const [command, args, name, expected] = severe;
    const before = await effects();

    const unsaid = await run("production", command, ...args);
    expect(unsaid.stderr).toMatch(new RegExp(`in production.*Nothing was done\\.\n {2}to do: .*--confirm ${name}\n$`));
    expect([unsaid.status, unsaid.stdout]).toEqual([252, ""]);
    const wrong = await run("production", command, ...args, "--confirm", "staging");
    expect(wrong.stderr).toContain(`--confirm says "staging", and this is ${name}. Nothing was done.`);
    expect([wrong.status, wrong.stdout]).toEqual([252, ""]);
    expect(await effects()).toEqual(before);

    const said = await run("production", command, ...args, "--confirm", name);
    expect(said.status).toBe(0);
    const { executions, requests, shown } = await effects();
    expect({
      executions: executions - before.executions,
      requests: requests - before.requests,
      shown: shown - before.shown,
    }).toEqual(expected);
  });

  test.runIf(process.platform === "linux")("a terminal is asked, and only the name lets it go on", async () => {
    const before = await effects();
    const wrong = await onTerminal("yes\r", "rotate", NAME, "--stage", "production");
    expect(wrong).toEqual({ status: 252, screen: expect.stringContaining("That is not its name. Nothing was done.") });
    for (const key of ["\x03", "\x04"]) {
      const left = await onTerminal(key, "rotate", NAME, "--stage", "production");
      expect(left).toEqual({ status: 130, screen: expect.stringContaining("It was not confirmed. Nothing was done.") });
    }
    expect(await effects()).toEqual(before);

    const typed = await onTerminal(`${NAME}\r`, "rotate", NAME, "--stage", "production");
    expect(typed).toEqual({ status: 0, screen: expect.stringContaining(`Type ${NAME} to go on: `) });
    expect((await effects()).requests).toBe(before.requests + 1);
  });

  test("it may be called prod, too", async () => {
    const unsaid = await run("prod", "rotate", secretOf("prod"));
    expect([unsaid.status, unsaid.stderr]).toEqual([252, expect.stringContaining("--confirm prod/key")]);
  });
});

test("in another stage nothing of that is asked for", async () => {
  const rotated = await run("staging", "rotate", secretOf("staging"), "--wait", "--output", "json");
  expect([rotated.status, documentOf(rotated).outcome]).toEqual([0, "SUCCEEDED"]);
  const rehearsed = await run("staging", "rehearse", secretOf("staging"));
  expect(rehearsed.status).toBe(0);
  await account.idle();
});

test("where there are several stages one has to be named: status 253", async () => {
  const ended = await rotor(account.environment, "secrets");
  expect([ended.status, ended.stderr]).toEqual([
    253,
    expect.stringMatching(
      /There are several stages in .*: production, prod, staging\.\n {2}to do: name one with --stage\n$/,
    ),
  ]);
  expect(documentOf(await run("staging", "secrets", "--output", "json")).secrets).toMatchObject([
    { name: "staging/key" },
  ]);
});
