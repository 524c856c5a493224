import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import type { Deployment } from "../../local/deploy.ts";
import type { Question, Settings } from "./process.ts";

export type Deployed = Pick<Deployment, "functionArns" | "stateMachineArn">;

/** The account's process: killed and started again as often as one likes. */
export interface Mortal extends AsyncDisposable {
  start(settings: Settings): Promise<Deployed>;
  /** kill -9. Resolves when the process is gone. */
  kill(): Promise<void>;
  /** Resolves when nothing is at work in it any more. */
  idle(): Promise<void>;
  /** Ends it in order. What its threads have compiled is left beside the bundles then, and the next ones start sooner. */
  end(): Promise<void>;
  /** What was ever published to the events topic. */
  inbox(): Promise<readonly string[]>;
}

const DEADLINE_MS = 60_000;

export function mortal(program: string, settingsFile: string): Mortal {
  let child: ChildProcess | undefined;
  let asked = 0;

  async function start(settings: Settings): Promise<Deployed> {
    await writeFile(settingsFile, JSON.stringify(settings), { mode: 0o600 });
    child = fork(program, [settingsFile], { execArgv: [], stdio: ["ignore", "inherit", "inherit", "ipc"] });
    return (await answerOf(child, "deployment", (message) => "stateMachineArn" in message)) as Deployed;
  }

  async function kill(): Promise<void> {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  }

  async function ask(what: Question["ask"]): Promise<readonly string[]> {
    if (child === undefined) throw new Error("It was never started.");
    const id = ++asked;
    const answer = answerOf(child, what, (message) => (message as { id?: number }).id === id);
    child.send({ id, ask: what } satisfies Question);
    return ((await answer) as { messages: readonly string[] }).messages;
  }

  return {
    ...{ start, kill, inbox: () => ask("inbox") },
    idle: async () => void (await ask("idle")),
    async end() {
      await ask("close");
      await kill();
    },
    [Symbol.asyncDispose]: kill,
  };
}

/** @throws Error when the process ends first, or takes too long */
function answerOf(child: ChildProcess, what: string, isIt: (message: object) => boolean): Promise<object> {
  return new Promise((resolve, reject) => {
    const leave = (settle: () => void) => {
      clearTimeout(timer);
      child.off("message", look).off("exit", ended);
      settle();
    };
    const look = (message: object) => isIt(message) && leave(() => resolve(message));
    const ended = () => leave(() => reject(new Error(`The process ended by itself, and was asked for: ${what}`)));
    const timer = setTimeout(
      () => leave(() => reject(new Error(`No answer in ${DEADLINE_MS / 1000} s: ${what}`))),
      DEADLINE_MS,
    );
    child.on("message", look).on("exit", ended);
  });
}
