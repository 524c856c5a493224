import { once } from "node:events";
import { rm } from "node:fs/promises";
import { createServer } from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startAccount } from "../../local/account.ts";
import { leakScanner } from "../support/leak-scanner.ts";
import { watchForLeaks } from "../support/leak-watch.ts";
import { CONTROLS, type Control, inSetSecret, SHARED_FILE, VERIFIER_CONTROL } from "./controls.ts";
import { FORMS } from "./forms.ts";
import { LAB_SINKS, type Lab, type LabSinkName, openLab } from "./lab.ts";

const sinks = Object.keys(LAB_SINKS) as LabSinkName[];
const CASES = sinks.flatMap((sink) => (CONTROLS[sink] ?? []).map((control) => [sink, control] as const));

let lab: Lab;
beforeAll(async () => {
  lab = await openLab(CASES.length + 5);
});
afterAll(async () => {
  await lab?.[Symbol.asyncDispose]();
  await rm(SHARED_FILE, { force: true });
});

test("a rotation that succeeds, and one that is rolled back, leave no secret anywhere", async () => {
  const [good, bad] = [lab.next(), lab.next()];
  const { faults } = bad.dependents["orders"] ?? {};
  if (faults !== undefined) faults.refresh = 422;

  await rotate(good, "SUCCEEDED");
  await rotate(bad, "FAILED");

  expect(await lab.leaks(good)).toEqual({});
  expect(await lab.leaks(bad)).toEqual({});
});

// Before any function is deployed that lets something out.
test("what only one of the last events of a long history shows is found", async () => {
  const secret = lab.next();
  const { account } = lab.world;
  const password = await lab.world.password(secret, secret.firstVersion);
  const steps = 300;
  // Nothing of it is in what the execution returns. Called without the wire, the definition is no call that is searched.
  const definition = {
    QueryLanguage: "JSONata",
    StartAt: "Count",
    States: {
      Count: { Type: "Pass", Output: "{% $states.input + 1 %}", Next: "IsLong" },
      IsLong: {
        Type: "Choice",
        Choices: [{ Condition: `{% $states.input < ${steps} %}`, Next: "Count" }],
        Default: "Leak",
      },
      Leak: { Type: "Pass", Output: { note: password }, Next: "Forget" },
      Forget: { Type: "Succeed", Output: {} },
    },
  };
  const { operations } = account.states;
  const created = await operations["CreateStateMachine"]?.({
    name: "long",
    definition: JSON.stringify(definition),
    roleArn: `arn:aws:iam::${account.accountId}:role/long`,
  });
  const { stateMachineArn } = created as { readonly stateMachineArn: string };
  await operations["StartExecution"]?.({ stateMachineArn, name: "long", input: "0" });
  await account.idle();

  const long = account.states.executions().find(({ record }) => record.name === "long");
  expect(long).toMatchObject({ status: "SUCCEEDED", output: "{}" });
  expect(long?.events.length).toBeGreaterThan(1000);
  expect(JSON.stringify(long?.events.slice(0, 1000))).not.toContain(password);
  expect(await lab.leaks(secret)).toEqual({ "an execution history": expect.anything() });
});

test.each(sinks)("%s is tried with a leak", (sink) => {
  expect(CONTROLS[sink]).not.toHaveLength(0);
});

describe.each(CASES)("%s", (sink: LabSinkName, { name, patches, reaches = [] }: Control) => {
  test(`is where it is seen, and nowhere else: ${name}`, async () => {
    await lab.deploy(patches);
    const secret = lab.next();

    await rotate(secret, "SUCCEEDED");

    // What a thread writes to standard error arrives when that is read.
    await expect.poll(async () => Object.keys(await lab.leaks(secret)), { timeout: 15_000 }).toContain(sink);
    expect(Object.keys(await lab.leaks(secret)).sort()).toEqual([sink, ...reaches].sort());
  });
});

describe("a password in a log is found", () => {
  const logged = new Map<string, string>();
  let password = "";
  beforeAll(async () => {
    const forms = Object.entries(FORMS).map(([name, write]) => `${JSON.stringify(name)}: ${write}`);
    await lab.deploy(
      inSetSecret(`for (const [name, write] of Object.entries({ ${forms.join(", ")} })) {
      console.log(\`form\\t\${name}\\tbefore \${write(password)} after\`);
    }`),
    );
    const secret = lab.next();
    const token = await rotate(secret, "SUCCEEDED");
    password = await lab.world.password(secret, token);
    for (const { text } of lab.world.account.lambda.logs()) {
      const [mark, name = "", line = ""] = text.split("\t");
      if (mark === "form") logged.set(name, line);
    }
  });

  test.each(Object.keys(FORMS))("%s", (name) => {
    const line = logged.get(name) ?? "";
    expect(line).toMatch(/^before .+ after$/);
    expect(leakScanner([password])(line)).not.toEqual([]);
  });
});

test("what stands for a password at PostgreSQL may be in its own log, and in no other", async () => {
  await lab.deploy(VERIFIER_CONTROL.patches);
  const secret = lab.next();

  await rotate(secret, "SUCCEEDED");

  expect(Object.keys(await lab.leaks(secret))).toEqual(["a function's log"]);
});

test("whoever listens where an account was that is closed is a dependent again, and what it is asked is looked at", async () => {
  const account = await startAccount();
  const watch = await watchForLeaks(account, lab.world.database);
  await fetch(`${account.endpoint}/of-the-account`);
  await account.close();
  const server = createServer((_request, response) => void response.end());
  await once(server.listen(Number(new URL(account.endpoint).port), "127.0.0.1"), "listening");

  await fetch(`${account.endpoint}/of-the-dependent`);

  expect(watch.requests().map(({ url }) => url)).toEqual(["/of-the-dependent"]);
  server.close();
  server.closeAllConnections();
});

async function rotate(secret: ReturnType<Lab["next"]>, status: string): Promise<string> {
  const token = await lab.world.rotate(secret);
  const { execution } = await lab.world.run(secret, token);
  expect(execution.status).toBe(status);
  return token;
}
