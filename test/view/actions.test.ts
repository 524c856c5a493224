import { StopExecutionCommand } from "@aws-sdk/client-sfn";
import { afterAll, beforeAll, expect, test } from "vitest";
import { executionArn, executionName, repairName } from "../../core/identity.ts";
import { AwsError } from "../../local/services/service.ts";
import type { Action, ActionName, ExecutionFile } from "../../view/wire.ts";
import { whileHeld } from "../cli/while-held.ts";
import { rotateOnce, type Situation, situation } from "../support/situation.ts";
import { startWorld, type World } from "../support/world.ts";
import { startView, until, type Viewer } from "./viewer.ts";

let world: World;
let view: Viewer;
beforeAll(async () => {
  // What dispatch would repair by itself is left to the view.
  world = await startWorld({ loses: ({ source }) => source === "aws.states" });
  view = await startView(world.account.environment);
});
afterAll(async () => {
  await view?.[Symbol.asyncDispose]();
  await world?.[Symbol.asyncDispose]();
});

const NOT_CHANGED = { done: false, said: [expect.stringMatching(/Nothing was done\.$/)] };
const CHANGES = ["PutEvents", "RedriveExecution", "UpdateSecretVersionStage"];

async function ended(secret: Situation): Promise<string> {
  return executionName(secret.arn, await rotateOnce(world, secret));
}

async function rolledBack(): Promise<{ secret: Situation; name: string }> {
  const secret = await situation(world, { dependents: { api: "reload" } });
  const { api } = secret.dependents;
  if (api === undefined) throw new Error("It has no dependent.");
  api.faults.refresh = 422;
  const name = await ended(secret);
  api.faults.refresh = undefined;
  return { secret, name };
}

/** A run that somebody stops before TestSecret. */
async function dead(): Promise<{ secret: Situation; name: string }> {
  const secret = await situation(world);
  const name = await held(secret, async (run) => {
    const arn = executionArn(world.deployment().stateMachineArn, run);
    await world.sfn.send(new StopExecutionCommand({ executionArn: arn }));
  });
  return { secret, name };
}

async function held(secret: Situation, work: (name: string) => Promise<unknown>): Promise<string> {
  return await whileHeld(
    world,
    secret,
    async () => void rotateOnce(world, secret).catch(() => {}),
    async () => {
      const { name } = (await view.get(`api/runs/${encodeURIComponent(secret.name)}`)).json().run;
      await work(name);
      return name;
    },
  );
}

async function executionOf(name: string, by = view): Promise<ExecutionFile> {
  return (await by.get(`api/runs/${name}`)).json();
}

/** By name; those that can be asked for are true. */
async function actionsOf(name: string, by = view): Promise<Readonly<Record<string, Action>>> {
  const { actions } = await executionOf(name, by);
  return Object.fromEntries(actions.map((action) => [action.name, action]));
}

async function allowed(name: string, by = view): Promise<readonly string[]> {
  return Object.values(await actionsOf(name, by)).flatMap((action) => (action.refusal === null ? [action.name] : []));
}

async function act(name: string, action: ActionName, confirm: string, by = view) {
  const { status, text } = await by.post(`api/runs/${name}/${action}`, { confirm });
  expect(status, text).toBe(200);
  return JSON.parse(text);
}

/** Changes that clients have made, or tried, since. */
function changesSince(since: number): readonly string[] {
  const calls = world.account.calls().slice(since);
  return calls.flatMap(({ operation, caller }) =>
    caller === undefined && CHANGES.includes(operation) ? [operation] : [],
  );
}

function denying(operation: string): Disposable {
  return world.account.intercept((call) => {
    if (call.operation !== operation || call.caller !== undefined || call.phase !== "before") return;
    throw new AwsError("AccessDeniedException", "User is not authorized to perform it.", 400);
  });
}

test("a rotation that has succeeded is taken back, and what is to be looked at then is the repair", async () => {
  const secret = await situation(world);
  const name = await ended(secret);
  expect(await allowed(name)).toEqual(["roll-back"]);
  expect((await actionsOf(name))["roll-back"]?.command).toBe(`rotor roll-back ${name}`);
  const reply = await act(name, "roll-back", secret.name);
  expect(reply).toEqual({
    done: true,
    said: [
      expect.stringMatching(/^Repair 1 of version \S+ of \S+ was asked for\.$/),
      expect.stringContaining("rotor watch"),
    ],
    run: repairName(name, 1),
  });
  await world.settled();
  expect((await executionOf(reply.run)).run).toMatchObject({ outcome: "ROLLED_BACK", mode: "repair" });
  expect(await world.signsIn(secret, secret.firstVersion)).toBe(true);
  expect(await allowed(name)).toEqual([]);
  expect(await allowed(reply.run)).toEqual(["retry"]);
});

test("of a rotation that was rolled back there is another attempt, with a run of its own", async () => {
  const { secret, name } = await rolledBack();
  expect(await allowed(name)).toEqual(["retry"]);
  const reply = await act(name, "retry", secret.name);
  expect(reply).toMatchObject({ done: true, run: expect.stringMatching(/^rot-/) });
  expect(reply.run).not.toBe(name);
  await world.settled();
  expect((await executionOf(reply.run)).run.outcome).toBe("SUCCEEDED");
  // It is past: nothing comes of another try of the first.
  expect((await actionsOf(name))["retry"]).toMatchObject({
    refusal: expect.stringMatching(/is past: /),
    denied: false,
  });
});

test("a run that died goes on where it was, as the same run, and whoever looks sees it go on", async () => {
  const { secret, name } = await dead();
  expect(await allowed(name)).toEqual(["retry"]);
  using live = view.live(`api/runs/${name}/live`);
  await until(() => live.messages.some(({ event, data }) => event === "part" && data.run.outcome === "DIED"));
  const reply = await act(name, "retry", secret.name);
  expect(reply).toMatchObject({ done: true, run: name });
  await until(() => live.messages.some(({ event, data }) => event === "part" && data.run.outcome === "SUCCEEDED"));
});

test("a rotation that runs is cancelled, and takes back what it has done", async () => {
  const secret = await situation(world);
  const name = await held(secret, async (run) => {
    expect(await allowed(run)).toEqual(["stop"]);
    expect(await act(run, "stop", secret.name)).toMatchObject({ done: true, run });
  });
  expect((await executionOf(name)).run.outcome).toBe("ROLLED_BACK");
  expect(await world.signsIn(secret, secret.firstVersion)).toBe(true);
});

test.each(["", "no/secret", "TEST"])("without the secret's name nothing is done: %j", async (typed) => {
  const secret = await situation(world);
  const name = await ended(secret);
  await actionsOf(name);
  const since = world.account.calls().length;
  for (const action of ["retry", "roll-back", "stop"] as const) {
    expect(await act(name, action, typed), action).toMatchObject({ ...NOT_CHANGED, run: name });
    expect(await act(name, action, `${secret.name}x`), action).toMatchObject({ ...NOT_CHANGED, run: name });
  }
  expect(changesSince(since)).toEqual([]);
});

test("what the run's state does not allow is refused in the words of the command, also where it is asked for all the same", async () => {
  const secret = await situation(world);
  const name = await ended(secret);
  const { retry, stop } = await actionsOf(name);
  expect(retry).toMatchObject({ denied: false, refusal: `Run ${name} ended SUCCEEDED: its version is live.` });
  expect(stop).toMatchObject({
    denied: false,
    refusal: `Run ${name} has ended (SUCCEEDED): there is nothing to stop.`,
  });
  const since = world.account.calls().length;
  expect(await act(name, "stop", secret.name)).toMatchObject({
    done: false,
    said: [stop?.refusal, "Nothing was done."],
  });
  expect(changesSince(since)).toEqual([]);
});

test.each([
  ["roll-back", "PutEvents", "events:PutEvents on rotation", async () => ended(await situation(world))],
  ["retry", "RedriveExecution", "states:RedriveExecution", async () => (await dead()).name],
  ["retry", "PutEvents", "events:PutEvents on rotation", async () => (await rolledBack()).name],
] as const)(
  "%s is not offered to whom %s is denied, and is not done for them",
  async (action, operation, needs, make) => {
    const name = await make();
    const { secret } = (await executionOf(name)).run;
    using _ = denying(operation);
    await using own = await startView(world.account.environment);
    expect((await actionsOf(name, own))[action]).toMatchObject({
      denied: true,
      refusal: `These credentials may not do that: it needs ${needs}.`,
    });
    expect(await act(name, action, secret.name, own)).toMatchObject({
      done: false,
      said: [expect.stringContaining("may not do that"), "Nothing was done."],
      run: name,
    });
  },
);

test("stop is not offered to whom the secret's labels are denied", async () => {
  const secret = await situation(world);
  using _ = denying("UpdateSecretVersionStage");
  await using own = await startView(world.account.environment);
  await held(secret, async (name) => {
    expect((await actionsOf(name, own))["stop"]).toMatchObject({
      denied: true,
      refusal: expect.stringContaining("UpdateSecretVersionStage"),
    });
    expect(await act(name, "stop", secret.name, own)).toMatchObject({ done: false });
  });
  expect((await executionOf(`${encodeURIComponent(secret.name)}`)).run.outcome).toBe("SUCCEEDED");
});

test("a right is tried once, by what changes nothing, and only where a run's state allows what needs it", async () => {
  const secret = await situation(world);
  const name = await ended(secret);
  const labels = await world.labels(secret);
  await using own = await startView(world.account.environment);
  const since = world.account.calls().length;
  const executions = await world.executions();
  for (let times = 0; times < 3; times += 1) await actionsOf(name, own);
  expect(changesSince(since)).toEqual(["PutEvents"]);
  await world.settled();
  expect(await world.executions()).toEqual(executions);
  expect(await world.labels(secret)).toEqual(labels);

  const other = await situation(world);
  await held(other, async (run) => {
    const before = await world.labels(other);
    const [first] = [world.account.calls().length];
    await actionsOf(run, own);
    await actionsOf(run, own);
    expect(changesSince(first)).toEqual(["UpdateSecretVersionStage"]);
    expect(await world.labels(other)).toEqual(before);
  });

  const { name: died } = await dead();
  const last = world.account.calls().length;
  await actionsOf(died, own);
  await actionsOf(died, own);
  expect(changesSince(last)).toEqual(["RedriveExecution"]);
  expect((await executionOf(died, own)).run.status).toBe("ABORTED");
});

test("--read-only offers nothing, does nothing, and tries nothing", async () => {
  const secret = await situation(world);
  const name = await ended(secret);
  await using own = await startView(world.account.environment, "--read-only");
  const since = world.account.calls().length;
  expect((await executionOf(name, own)).actions).toEqual([]);
  expect(await act(name, "roll-back", secret.name, own)).toEqual({
    ...{ done: false, run: name },
    said: ["This view is read-only (--read-only). Nothing was done."],
  });
  expect(changesSince(since)).toEqual([]);
});
