import { randomUUID } from "node:crypto";
import { StopExecutionCommand } from "@aws-sdk/client-sfn";
import { afterAll, beforeAll, expect, test } from "vitest";
import { COMMANDS } from "../../cli/commands/index.ts";
import { deriveToken, executionArn, executionName } from "../../core/identity.ts";
import { readPage } from "../docs/judge.ts";
import { rotateOnce, type Situation, situation } from "../support/situation.ts";
import { atStep, beforeEffect, breakStep } from "../support/step-faults.ts";
import { startWorld, type World } from "../support/world.ts";
import { startView, until } from "../view/viewer.ts";
import { rotor } from "./rotor.ts";

let world: World;
/** Of each command, what it has asked AWS for in this file. */
const made = new Map<string, Set<string>>();

beforeAll(async () => {
  // What dispatch would repair by itself is left to the commands.
  world = await startWorld({ loses: ({ source }) => source === "aws.states" });
});
afterAll(() => world[Symbol.asyncDispose]());

/** Runs a command, while nobody else is a client of the account, and notes its calls. */
async function run(...args: readonly string[]): Promise<number | null> {
  const [first = "", second = ""] = args;
  const command = first === "notify" ? `${first} ${second}` : first;
  const { status } = await noting(command, () => rotor(world.account.environment, ...args));
  return status;
}

/** Notes what is asked for meanwhile as the command's. */
async function noting<T>(command: string, work: () => Promise<T>): Promise<T> {
  const since = world.account.calls().length;
  const result = await work();
  const noted = made.get(command) ?? new Set();
  for (const { service, operation, caller, input } of world.account.calls().slice(since)) {
    if (caller !== undefined) continue;
    const { FunctionName = "" } = Object(input) as { readonly FunctionName?: string };
    const name = FunctionName.split(":").at(-1);
    noted.add(operation === "Invoke" ? `lambda:InvokeFunction on ${name}` : `${service}:${operation}`);
  }
  made.set(command, noted);
  return result;
}

const nameOf = ({ arn, firstVersion }: Situation) => executionName(arn, deriveToken(arn, firstVersion, 1));

/** A run that somebody stops before TestSecret, once `look` has looked at it. */
async function stopped(secret: Situation, look: () => Promise<unknown> = async () => {}): Promise<string> {
  const name = nameOf(secret);
  using _ = atStep(world, secret, "TestSecret", "before", async () => {
    await look();
    const arn = executionArn(world.deployment().stateMachineArn, name);
    await world.sfn.send(new StopExecutionCommand({ executionArn: arn }));
  });
  await rotateOnce(world, secret);
  return name;
}

const driven = (options = {}) => situation(world, { mode: "driven", ...options });

/** Everything that a command may come to call is come to: a secret in place of a run's name, --wait, what has died. */
const PLAYED: Readonly<Record<string, () => Promise<unknown>>> = {
  secrets: async () => {
    await rotateOnce(world, await driven());
    await run("secrets");
  },
  report: async () => {
    await world.rotate(await situation(world, { mode: "native" }), randomUUID());
    await run("report");
  },
  plan: async () => run("plan", (await driven()).name),
  looks: async () => {
    const { name } = await rotated();
    await run("runs", "--secret", name);
    await run("show", name);
    await run("show", name, "--step", "SetSecret");
    await run("watch", name);
    await run("export", name);
  },
  view: async () => {
    const [dead, { name }] = [await driven(), await rotated()];
    await using view = await noting("view", () => startView(world.account.environment));
    const look = (of: string) => noting("view", () => view.get(`api/runs/${encodeURIComponent(of)}`));
    // As it runs, dies, and has succeeded: each state allows another action.
    await stopped(dead, () => look(dead.name));
    await look(dead.name);
    await look(name);
    await noting("view", async () => {
      using list = view.live("api/list/live");
      await until(() => list.messages.length > 0 && list.messages.at(-1)?.data.reading === null);
    });
  },
  doctor: async () => run("doctor", (await driven()).name),
  rotate: async () => run("rotate", (await driven()).name, "--wait"),
  rehearse: async () => run("rehearse", (await driven({ policy: { rehearses: true } })).name, "--wait"),
  repair: async () => {
    const secret = await driven();
    await stopped(secret);
    await run("repair", secret.name, "--wait");
  },
  "roll-back": async () => {
    const { name } = await rotated();
    await run("roll-back", name, "--wait", "--confirm", name);
  },
  retry: async () => {
    const dead = await driven();
    await stopped(dead);
    await run("retry", dead.name, "--wait");
    const rejected = await driven();
    {
      using _ = breakStep(world, rejected, "Plan", beforeEffect("AccessDenied"));
      await rotateOnce(world, rejected);
    }
    await run("retry", rejected.name, "--wait");
  },
  stop: async () => {
    const secret = await driven();
    await stopped(secret, () => run("stop", secret.name, "--confirm", secret.name));
  },
  unfreeze: async () => {
    const secret = await driven();
    {
      // Before it has set anything: AWSCURRENT signs in, and there is a candidate to be repaired.
      using _set = breakStep(world, secret, "SetSecret", beforeEffect("CredentialRejected"));
      using _back = breakStep(world, secret, "RollBack", beforeEffect("AccessDenied"));
      await rotateOnce(world, secret);
    }
    await run("unfreeze", secret.name, "--confirm", secret.name, "--wait");
  },
  "notify test": () => run("notify", "test"),
  trigger: async () => {
    const { name } = await driven();
    await run("trigger", "rotation-requested", "--secret", name);
    await run("trigger", "rotation-abandoned", "--secret", name);
    await world.settled();
  },
};

async function rotated(): Promise<Situation> {
  const secret = await driven();
  await rotateOnce(world, secret);
  return secret;
}

/** The table of docs/cli.md: its first column has one command or several, and the second actions in code. */
function documented(): ReadonlyMap<string, readonly string[]> {
  const [, table = ""] = /\n## Rights\n(.*?)\n## /s.exec(readPage("docs/cli.md")) ?? [];
  const rows = [...table.matchAll(/^\| (.+?) \| (.+?) \| (.*?) \|$/gm)].slice(1);
  const codes = (text = "") => [...text.matchAll(/`([^`]+)`/g)].map(([, code = ""]) => code);
  const every = codes(rows.find(([, who]) => who === "every command")?.[2]);
  return new Map(
    rows.flatMap(([, who = "", actions, functions]) =>
      codes(who).map((command) => {
        const invoked = codes(functions).map((name) => `lambda:InvokeFunction on ${name}`);
        return [command, [...every, ...codes(actions), ...invoked].sort()] as const;
      }),
    ),
  );
}

const LOCAL = ["local", "demo"];
const NAMES = COMMANDS.map(({ usage }) => usage.replace(/ [<[].*$/, "")).filter((name) => !LOCAL.includes(name));

test("the rights of every command that speaks to an account are documented", () => {
  expect([...documented().keys()].sort()).toEqual([...NAMES].sort());
});

test.each(Object.keys(PLAYED))("%s asks AWS for what is documented, and for nothing else", async (what) => {
  await PLAYED[what]?.();
  for (const command of what === "looks" ? ["runs", "show", "watch", "export"] : [what]) {
    const calls = [...(made.get(command) ?? [])].map((call) =>
      what === "doctor" && call.startsWith("lambda:") ? "lambda:InvokeFunction on every function" : call,
    );
    expect([...new Set(calls)].sort(), command).toEqual(documented().get(command));
  }
});
