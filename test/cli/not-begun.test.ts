import { afterAll, beforeAll, expect, test } from "vitest";
import { situation } from "../support/situation.ts";
import { startWorld, type World } from "../support/world.ts";
import { HURRIED } from "./hurried.ts";
import { rotor } from "./rotor.ts";

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

test("a run that has not begun in time is not told as refused: status 124, and how to come back once it has", async () => {
  const secret = await situation(world);
  let deliver = () => {};
  const delivered = new Promise<void>((resolve) => {
    deliver = resolve;
  });
  using _ = world.account.events.disturb({
    copies: () => 1,
    hold: ({ source }) => (source === "rotor.cli" ? delivered : undefined),
  });
  const env = { ...world.account.environment, NODE_OPTIONS: HURRIED };
  const ended = await rotor(env, "rotate", secret.name, "--wait", "--quiet");
  deliver();
  const [, run = ""] =
    /^Run (\S+) was not seen within \d+ s\. It may still begin\. To come back: rotor watch \1\n/.exec(ended.stderr) ??
    [];
  expect(run).not.toBe("");
  expect([ended.status, ended.stdout]).toEqual([124, ""]);
  await world.settled();
  expect((await rotor(world.account.environment, "watch", run)).status).toBe(0);
});
