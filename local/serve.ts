import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { build } from "esbuild";
import { startAccount } from "./account.ts";
import { bundleProject, type DeployOptions, deploy } from "./deploy.ts";

export interface ServeOptions {
  /** The account's port. Default: any free one. */
  readonly port?: number | undefined;
  /** Where its state is kept. Default: it ends with the process. */
  readonly journal?: string | undefined;
  /** Whose names what is deployed gets. Default: the stage `local`. */
  readonly stage?: DeployOptions["stage"] | undefined;
  /** The policies that are deployed. Default: none. */
  readonly config?: string | undefined;
}

/**
 * Serves an account with Rotor deployed in it until `signal` is aborted. Nothing but the journal stays behind.
 *
 * @param ready told the variables that a client needs
 * @throws Error with one sentence: the port is in use, the journal is not one, the configuration cannot be read or is not valid
 */
export async function serveAccount(
  { port, journal, stage, config }: ServeOptions,
  ready: (environment: Readonly<Record<string, string>>) => void,
  signal: AbortSignal,
): Promise<void> {
  const policies = config === undefined ? [] : await readConfig(config);
  const directory = await mkdtemp(join(tmpdir(), "rotor-local-"));
  try {
    const bundles = await bundleProject(directory);
    await using account = await startAccount({
      ...(port === undefined ? {} : { port }),
      ...(journal === undefined ? {} : { journal }),
    });
    await deploy(account, { config: policies, bundles, ...(stage === undefined ? {} : { stage }) });
    ready(account.environment);
    await aborted(signal);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

// --- internal ---

/** Bundled with what it imports, as a deployment takes it. */
async function readConfig(file: string): Promise<unknown> {
  const path = resolve(file);
  try {
    const { outputFiles } = await build({
      ...{ entryPoints: [path], bundle: true, write: false, logLevel: "silent" },
      ...{ format: "esm", platform: "node" },
    });
    const code = Buffer.from(outputFiles[0]?.contents ?? []).toString("base64");
    const loaded = (await import(`data:text/javascript;base64,${code}`)) as { readonly default?: unknown };
    return loaded.default;
  } catch (error) {
    const [why = ""] = error instanceof Error ? error.message.split("\n").slice(-1) : [String(error)];
    throw new Error(`${path} could not be read: ${why}`);
  }
}

/** A timer keeps the process, which an idle server may not. */
async function aborted(signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setInterval(() => {}, 60_000);
    const end = () => {
      clearInterval(timer);
      resolve();
    };
    signal.addEventListener("abort", end, { once: true });
    if (signal.aborted) end();
  });
}
