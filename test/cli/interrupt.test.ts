import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { AwsError } from "../../local/services/service.ts";
import { type Situation, situation } from "../support/situation.ts";
import { atStep } from "../support/step-faults.ts";
import { startWorld, type World } from "../support/world.ts";
import { type Ended, type Started, start } from "./rotor.ts";

let world: World;
let secret: Situation;
beforeAll(async () => {
  world = await startWorld();
  secret = await situation(world);
});
afterAll(() => world[Symbol.asyncDispose]());

/** Which of the CLI's own calls, before or after it took effect. */
interface Held {
  readonly operation: string;
  readonly phase: "before" | "after";
  /** What the program says once it has heard of Ctrl-C, and before the call is let go. Absent: it does not wait for the call. */
  readonly until?: string;
  /** What AWS answers then. */
  readonly error?: AwsError;
}

/** Runs the program, and presses Ctrl-C while it waits for a call. */
async function interruptedAt({ operation, phase, until, error }: Held, ...args: readonly string[]): Promise<Ended> {
  let isDone = false;
  let program: Started | undefined;
  using _ = world.account.intercept(async (call) => {
    if (isDone || program === undefined || call.caller !== undefined) return;
    if (call.operation !== operation || call.phase !== phase) return;
    isDone = true;
    program.interrupt();
    if (until === undefined) await program.ended;
    else await expect.poll(program.stderr, { timeout: 20_000 }).toContain(until);
    if (error !== undefined) throw error;
  });
  program = start(args, world.account.environment);
  return await program.ended;
}

const changes = () =>
  world.account
    .calls()
    .filter(({ caller, operation }) => caller === undefined && /^(Put|Update|Redrive|Publish)/.test(operation)).length;

describe("Ctrl-C", () => {
  test.each([
    ["GetCallerIdentity", ["secrets"]],
    ["ListSecrets", ["secrets"]],
    ["DescribeSecret", ["report"]],
    ["ListExecutions", ["runs"]],
    ["ListSubscriptionsByTopic", ["doctor"]],
    ["Invoke", ["plan", "SECRET"]],
    ["LookupEvents", ["plan", "SECRET"]],
  ])("while %s is under way ends %j at once, and shows no half of its result", async (operation, args) => {
    const words = args.map((word) => (word === "SECRET" ? secret.name : word));
    const ended = await interruptedAt({ operation, phase: "before" }, ...words);
    expect(ended.stderr).toMatch(/^rotor: Interrupted: nothing was changed\.\n$/m);
    expect([ended.status, ended.stdout]).toEqual([130, ""]);
  });

  test.each([
    ["rotate", "DescribeSecret"],
    ["rotate", "DescribeExecution"],
    ["repair", "ListExecutions"],
  ])("before %s has written anything lets it write nothing", async (command, operation) => {
    const before = changes();
    const ended = await interruptedAt({ operation, phase: "before" }, command, secret.name);
    expect(ended.stderr).toMatch(/stage local\nrotor: Interrupted: nothing was changed\.\n$/);
    expect([ended.status, ended.stdout]).toEqual([130, ""]);
    expect(changes()).toBe(before);
  });

  test("while a request is under way is heard, and what became of it is told before the end", async () => {
    const other = await situation(world);
    let release = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    using _ = atStep(world, other, "TestSecret", "before", () => released);
    const held = { operation: "PutEvents", phase: "after", until: "Once more leaves at once." } as const;
    const ended = await interruptedAt(held, "rotate", other.name, "--wait");
    release();
    await world.settled();
    expect(ended.stderr).toMatch(
      /\nA rotation of .* was asked for, .*\nrotor: Detached: what was asked for goes on\. /,
    );
    expect([ended.status, ended.stdout]).toEqual([130, ""]);
  });

  test("between two changes says which was made", async () => {
    const held = { operation: "Publish", phase: "after", until: "Once more leaves at once." } as const;
    const ended = await interruptedAt(held, "notify", "test");
    expect(ended.stderr).toContain("rotor: Interrupted after Publish: that was done, and nothing after it.\n");
    expect([ended.status, ended.stdout]).toEqual([130, ""]);
  });

  test("does not hide that what was sent has failed", async () => {
    const error = new AwsError("AccessDeniedException", "Not you.");
    const held = { operation: "PutEvents", phase: "before", until: "Once more leaves at once.", error } as const;
    const ended = await interruptedAt(held, "rotate", secret.name);
    expect(ended.stderr).toContain("rotor: AccessDenied: events:PutEvents");
    expect([ended.status, ended.stdout]).toEqual([130, ""]);
  });
});
