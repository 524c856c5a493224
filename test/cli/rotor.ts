import { spawn } from "node:child_process";
import { inject } from "vitest";
import { noteExecuted } from "./executed.ts";

export interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Started {
  /** What it has written so far. */
  stdout(): string;
  stderr(): string;
  interrupt(): void;
  readonly ended: Promise<Ended>;
}

/** Starts the program in a process of its own, with these variables and with nothing of this process's own AWS settings. */
export function start(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  program = inject("program"),
): Started {
  const { PATH = "", HOME = "" } = process.env;
  const child = spawn(process.execPath, [program, ...args], {
    env: { PATH, HOME: `${HOME}/none`, TZ: "UTC", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (data) => {
    stdout += data;
  });
  child.stderr.on("data", (data) => {
    stderr += data;
  });
  return {
    stdout: () => stdout,
    stderr: () => stderr,
    interrupt: () => void child.kill("SIGINT"),
    ended: new Promise((resolve) => {
      child.on("close", (status) => {
        noteExecuted(args, status);
        resolve({ status, stdout, stderr });
      });
    }),
  };
}

/** Runs the program to its end. */
export function rotor(env: Readonly<Record<string, string>>, ...args: readonly string[]): Promise<Ended> {
  return start(args, env).ended;
}

/** What a document says; of ndjson its last line. */
// biome-ignore lint/suspicious/noExplicitAny: each test knows what it has asked for
export function documentOf({ stdout }: Ended, isList = false): any {
  return JSON.parse(isList ? (stdout.trim().split("\n").at(-1) ?? "") : stdout);
}
