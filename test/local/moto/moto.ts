import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** The version that the known divergences are of. */
const VERSION = "5.2.1";
const SERVER = fileURLToPath(new URL("server.py", import.meta.url));
const MATCHER = fileURLToPath(new URL("match.py", import.meta.url));
const ASK = `
from importlib.metadata import version
from importlib.util import find_spec
print(version("moto") if find_spec("boto3") and find_spec("flask_cors") else "")`;

/** Why there is no moto server to compare with, or undefined. */
export const whyNot = reason();

export interface MotoServer extends AsyncDisposable {
  readonly endpoint: string;
}

/** @throws Error with what the program said, if it did not come up */
export async function startMoto(): Promise<MotoServer> {
  const child = spawn("python3", [SERVER], { cwd: tmpdir(), env: environment(), stdio: ["pipe", "pipe", "pipe"] });
  const errors: string[] = [];
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => errors.push(chunk));
  const ended = once(child, "close");
  const endpoint = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).once("line", resolve);
    child.once("close", () => reject(new Error(`server.py ended:\n${errors.join("")}`)));
    child.once("error", reject);
  });
  return {
    endpoint,
    async [Symbol.asyncDispose]() {
      child.stdin.end();
      await ended;
    },
  };
}

/**
 * For each pattern, the positions of the events that moto takes it to match.
 *
 * @throws Error with what the program said
 */
export function matchByMoto(patterns: readonly unknown[], events: readonly unknown[]): readonly (readonly number[])[] {
  const options = { input: JSON.stringify({ patterns, events }), encoding: "utf8", maxBuffer: 2 ** 26 } as const;
  const { status, stdout, stderr } = spawnSync("python3", [MATCHER], options);
  if (status !== 0) throw new Error(`match.py ended with status ${status}:\n${stderr}`);
  return JSON.parse(stdout);
}

function reason(): string | undefined {
  const { status, stdout } = spawnSync("python3", ["-c", ASK], { encoding: "utf8" });
  const version = status === 0 ? stdout.trim() : "";
  if (version === "") return "not run: python3 has no moto with its server";
  return version === VERSION ? undefined : `not run: python3 has moto ${version}, the divergences are of ${VERSION}`;
}

/** Nothing of the user's own AWS, and no proxy before moto. */
function environment(): NodeJS.ProcessEnv {
  const none = join(tmpdir(), "no-such-file");
  return {
    ...process.env,
    ...{ AWS_PROFILE: undefined, AWS_CONFIG_FILE: none, AWS_SHARED_CREDENTIALS_FILE: none, no_proxy: "127.0.0.1" },
    ...{ AWS_ACCESS_KEY_ID: "test", AWS_SECRET_ACCESS_KEY: "test", AWS_DEFAULT_REGION: "us-east-1" },
  };
}
