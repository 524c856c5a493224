import { randomUUID } from "node:crypto";
import { StartExecutionCommand, StopExecutionCommand } from "@aws-sdk/client-sfn";
import { afterAll, beforeAll, expect, test } from "vitest";
import { deriveToken, executionName } from "../../core/identity.ts";
import { type Situation, situation } from "../support/situation.ts";
import { breakStep } from "../support/step-faults.ts";
import { startWorld, type World } from "../support/world.ts";
import { documentOf, rotor } from "./rotor.ts";

const ESC = "\u001b";
/** Sets the terminal's title, clears it, conceals what follows, does so once more with C1, and turns the reading direction. */
const HOSTILE = `${ESC}]0;PWNED\u0007${ESC}[2J${ESC}[31m${ESC}[8m\u009b2J\u202eforged\nline`;
// biome-ignore lint/suspicious/noControlCharactersInRegex: it is what is looked for
const OBEYED = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/;
const OWN_COLORS = new RegExp(`${ESC}\\[(?:1|2|22|3[1-6]|39)m`, "g");

let world: World;
const run = (...args: readonly string[]) => rotor(world.account.environment, ...args);
const colored = (...args: readonly string[]) => rotor({ ...world.account.environment, FORCE_COLOR: "1" }, ...args);

beforeAll(async () => {
  // Nobody repairs what is stopped here.
  world = await startWorld({ loses: ({ source }) => source === "aws.states" });
});
afterAll(() => world[Symbol.asyncDispose]());

/** The name of an execution that somebody has started with this input, and stopped. */
async function foreign(input: object): Promise<string> {
  const { stateMachineArn } = world.deployment();
  const name = `foreign-${randomUUID()}`;
  const request = { stateMachineArn, name, input: JSON.stringify(input) };
  const { executionArn } = await world.sfn.send(new StartExecutionCommand(request));
  await world.sfn.send(new StopExecutionCommand({ executionArn, error: HOSTILE, cause: HOSTILE })).catch(() => {});
  await world.settled();
  return name;
}

const nameOf = ({ arn, firstVersion }: Situation) => executionName(arn, deriveToken(arn, firstVersion, 1));

test("an execution with anybody's input cannot make a terminal do anything", async () => {
  const arn = `arn:aws:secretsmanager:us-east-1:123456789012:secret:${HOSTILE}`;
  const name = await foreign({ secretArn: arn, token: HOSTILE, mode: HOSTILE });
  for (const look of [run, colored]) {
    for (const args of [["runs"], ["show", name], ["watch", name]]) {
      const { stdout, stderr } = await look(...args);
      expect(stdout).toContain(name);
      expect(`${stdout}${stderr}`.replace(OWN_COLORS, "")).not.toMatch(OBEYED);
      expect(`${stdout}${stderr}`).not.toContain("PWNED\u0007");
    }
  }
  const { runs } = documentOf(await run("runs", "--output", "json"));
  expect(runs).toContainEqual(expect.objectContaining({ name, token: "", mode: "", secret: { name: "", arn: "" } }));
});

test("what a function, or who stopped a run, says of a failure stays on its line, and without colours it has none", async () => {
  const secret = await situation(world);
  using _ = breakStep(world, secret, "TestSecret", { phase: "before", error: "InternalError" });
  // The history as it would be, had a function thrown this.
  using __ = world.account.intercept(({ operation, phase, output }) => {
    if (phase !== "after" || operation !== "GetExecutionHistory") return undefined;
    const { events } = output as {
      events: { lambdaFunctionFailedEventDetails?: object; taskFailedEventDetails?: object }[];
    };
    const hostile = { error: HOSTILE, cause: JSON.stringify({ errorMessage: HOSTILE }) };
    const changed = events.map((event) =>
      event.taskFailedEventDetails === undefined
        ? event
        : { ...event, taskFailedEventDetails: { ...event.taskFailedEventDetails, ...hostile } },
    );
    return { reply: { ...(output as object), events: changed } };
  });
  await world.request(secret);
  const { stdout } = await run("show", nameOf(secret));
  expect(stdout).toContain("forged line");
  expect(stdout).not.toMatch(OBEYED);
  const { stderr } = await colored("watch", nameOf(secret));
  expect(stderr).toContain("forged line");
  expect(stderr.replace(OWN_COLORS, "")).not.toMatch(OBEYED);
});

test("a document has what a terminal would obey as escapes, and means the same", async () => {
  const event = await run(
    "trigger",
    "rotation-failed",
    "--dry-run",
    "--override",
    `detail.x=${HOSTILE}`,
    "--output",
    "json",
  );
  expect(event.stdout).not.toMatch(OBEYED);
  expect(documentOf(event).event.detail.x).toBe(HOSTILE);
});
