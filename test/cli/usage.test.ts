import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { COMMANDS } from "../../cli/commands/index.ts";
import { AwsError } from "../../local/services/service.ts";
import { situation } from "../support/situation.ts";
import { startWorld, type World } from "../support/world.ts";
import { rotor } from "./rotor.ts";

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world[Symbol.asyncDispose]());
const run = (...args: readonly string[]) => rotor(world.account.environment, ...args);

/** For the arguments that the help names. */
const ARGUMENTS: Readonly<Record<string, string>> = { "<secret>": "a/b", "<run>": "a-run", "<event>": "heartbeat" };

/** Until it is disposed AWS refuses this operation to every client. */
function refusing(name: string, error: string): Disposable {
  return world.account.intercept(({ operation, caller, phase }) => {
    if (operation !== name || caller !== undefined || phase !== "before") return undefined;
    throw new AwsError(error, "No.", 400);
  });
}

describe("the command line", () => {
  test.each(COMMANDS.map(({ usage }) => usage.replace(/ [<[].*$/, "").split(" ")))(
    "%s %s has a help with examples",
    async (...name) => {
      const ended = await rotor({}, ...name.filter((word) => typeof word === "string"), "--help");
      expect(ended.status).toBe(0);
      expect(ended.stdout).toContain("Examples:\n  rotor ");
    },
  );

  test.each([
    [["nothing"], "unknown command 'nothing'"],
    [["sho"], "Did you mean show?"],
    [["rotate"], "missing required argument 'secret'"],
    [["secrets", "--overdu"], "Did you mean --overdue?"],
    [["runs", "--limit", "many"], '--limit takes a whole number from 1 to 1000, not "many"'],
    [["runs", "--status", "GREEN"], "Allowed choices are RUNNING"],
    [["runs", "--outcome", "GREEN"], "Allowed choices are RUNNING"],
    [["secrets", "--state", "green"], "Allowed choices are frozen"],
    [["watch", "x", "--timeout", "0"], "--timeout takes a whole number"],
    [["secrets", "--output", "xml"], "Allowed choices are table, json, ndjson"],
    [["trigger", "nothing"], 'There is no event "nothing".'],
    [["trigger", "heartbeat", "--override", "x"], "--override takes path=value"],
    [["trigger", "raw", "--raw", "/nowhere"], "/nowhere cannot be read."],
    [["runs", "--secret", "bad name"], '"bad name" can be the name or ARN of no secret'],
    [["rotate", "bad name"], '"bad name" can be the name or ARN of no secret'],
    [["show", "arn:aws:sns:us-east-1:123456789012:x"], "can be the name or ARN of no secret, and of no run"],
    [[], "Usage: rotor"],
  ])("%j is wrong, and says how: status 252", async (args, says) => {
    const ended = await run(...args);
    expect(ended.status).toBe(252);
    expect(ended.stderr).toContain(says);
    expect(ended.stdout).toBe("");
  });

  test("the version and the help end with 0", async () => {
    expect((await rotor({}, "--version")).status).toBe(0);
    const help = await rotor({}, "--help");
    expect([help.status, help.stdout.includes("Exit statuses:")]).toEqual([0, true]);
  });
});

describe("the surroundings", () => {
  test("no Region, no credentials, no deployment, and another stage are status 253, with what to do", async () => {
    const { AWS_REGION: _, AWS_DEFAULT_REGION: __, ...without } = world.account.environment;
    const region = await rotor(without, "secrets");
    expect([region.status, region.stderr]).toEqual([
      253,
      expect.stringContaining("No Region is set.\n  to do: give --region"),
    ]);

    const { AWS_ACCESS_KEY_ID: ___, AWS_SECRET_ACCESS_KEY: ____, ...nobody } = world.account.environment;
    const credentials = await rotor({ ...nobody, AWS_EC2_METADATA_DISABLED: "true" }, "secrets");
    expect([credentials.status, credentials.stderr]).toEqual([
      253,
      expect.stringContaining("No AWS credentials were found."),
    ]);

    const stage = await run("secrets", "--stage", "production");
    expect([stage.status, stage.stderr]).toEqual([
      253,
      expect.stringContaining(
        "Stage production of rotor is not deployed in account 123456789012, Region us-east-1. There is local.",
      ),
    ]);
  });

  test("an account that cannot be reached is status 254", async () => {
    const ended = await rotor(
      { ...world.account.environment, AWS_MAX_ATTEMPTS: "1" },
      "secrets",
      "--endpoint-url",
      "http://127.0.0.1:9",
    );
    expect([ended.status, ended.stderr]).toEqual([
      254,
      expect.stringContaining("AWS could not be reached (ECONNREFUSED)."),
    ]);
  });

  test("what AWS refuses is status 254: of which call, what to do, and the runbook's section; nothing was asked for", async () => {
    const secret = await situation(world, { mode: "driven" });
    const before = (await world.executions()).length;
    using _ = refusing("PutEvents", "AccessDeniedException");
    const ended = await run("rotate", secret.name);
    expect(ended.stderr).toMatch(
      /rotor: AccessDenied: events:PutEvents on rotation.*\n {2}to do: sign in as somebody who may .*\n {2}runbook: docs\/runbooks\.md#accessdenied\n$/,
    );
    expect([ended.status, ended.stdout]).toEqual([254, ""]);
    await world.settled();
    expect(await world.executions()).toHaveLength(before);
  });

  test("credentials that have expired are status 253, and say how to sign in", async () => {
    using _ = refusing("GetCallerIdentity", "ExpiredTokenException");
    const ended = await run("secrets");
    expect([ended.status, ended.stderr]).toEqual([253, expect.stringContaining("\n  to do: sign in with the AWS CLI")]);
  });

  test.each([
    ["rotate", "no/such"],
    ["plan", "no/such"],
    ["runs", "--secret", "no/such"],
    ["show", "no/such"],
    ["export", "no/such"],
    ["watch", "no/such"],
    ["retry", "no/such"],
  ])("%s of what is not there is status 253, and says how to see what is", async (...args) => {
    const ended = await run(...args);
    expect([ended.status, ended.stdout]).toEqual([253, ""]);
    expect(ended.stderr).toMatch(/^rotor: .*no\/such.*\n {2}to do: see which there are: rotor (secrets|runs)/m);
  });
});

describe("each command that speaks to AWS", () => {
  const all = COMMANDS.filter(({ usage }) => usage !== "local" && usage !== "demo");

  test.each(all.map(({ usage }) => [usage]))("%s ends with 252 to 255 as what is wrong is", async (usage) => {
    const args = usage
      .replaceAll(/\[.*?\]/g, "")
      .trim()
      .split(" ")
      .map((word) => ARGUMENTS[word] ?? word);
    const { environment } = world.account;
    const { AWS_REGION: _, AWS_DEFAULT_REGION: __, ...nowhere } = environment;
    const [command, surroundings, service] = await Promise.all([
      rotor(environment, ...args, "--no-such-option"),
      rotor(nowhere, ...args),
      rotor({ ...environment, AWS_ENDPOINT_URL: "http://127.0.0.1:9", AWS_MAX_ATTEMPTS: "1" }, ...args),
    ]);
    expect([command.status, command.stderr]).toEqual([252, expect.stringContaining("unknown option")]);
    expect([surroundings.status, surroundings.stderr]).toEqual([253, expect.stringContaining("No Region is set.")]);
    expect([service.status, service.stderr]).toEqual([254, expect.stringContaining("AWS could not be reached")]);

    // What no AWS answers.
    using ___ = world.account.intercept(({ operation, phase }) =>
      operation === "ListStateMachines" && phase === "before"
        ? { reply: { stateMachines: [{ stateMachineArn: 1 }] } }
        : undefined,
    );
    const fault = await run(...args);
    expect([fault.status, fault.stderr]).toEqual([255, expect.stringMatching(/^rotor: A fault of rotor: .*\n +at /s)]);
    for (const { stdout } of [command, surroundings, service, fault]) expect(stdout).toBe("");
  });
});

describe("what is printed", () => {
  test("has colours only where they are asked for", async () => {
    await situation(world, { mode: "driven" });
    const colour = "\u001b[";
    const env = world.account.environment;
    expect((await run("secrets")).stdout).not.toContain(colour);
    expect((await rotor({ ...env, FORCE_COLOR: "1" }, "secrets")).stdout).toContain(colour);
    expect((await rotor({ ...env, FORCE_COLOR: "1", NO_COLOR: "1" }, "secrets")).stdout).not.toContain(colour);
    expect((await rotor({ ...env, FORCE_COLOR: "1" }, "secrets", "--no-color")).stdout).not.toContain(colour);
  });

  test("with --debug has each call, and nothing that was sent", async () => {
    const secret = await situation(world, { mode: "driven" });
    const ended = await run("rotate", secret.name, "--debug", "--reason", "a-reason-of-mine");
    expect(ended.status).toBe(0);
    expect(ended.stderr).toMatch(/^debug: STSClient GetCallerIdentityCommand 200 \d+ ms attempts 1 request [\w-]+$/m);
    expect(ended.stderr).toMatch(/^debug: EventBridgeClient PutEventsCommand 200/m);
    expect(ended.stderr).not.toContain("a-reason-of-mine");
    await world.settled();
  });
});
