import { createInterface } from "node:readline/promises";
import type { Policy } from "../core/policies.ts";
import { CliError } from "./cli-error.ts";
import { type Clients, createClients } from "./clients.ts";
import { type Deployment, findDeployment, identityLine } from "./deployment.ts";
import { EXIT } from "./exit-status.ts";
import type { Interruption } from "./interruption.ts";
import { type Format, Output, wantsColor } from "./output.ts";
import { readPolicies } from "./policies.ts";
import { Progress } from "./progress.ts";

/** The options that every command has. */
export interface GlobalOptions {
  readonly profile?: string;
  readonly region?: string;
  readonly endpointUrl?: string;
  readonly app: string;
  readonly stage?: string;
  readonly output: Format;
  readonly color: boolean;
  readonly quiet: boolean;
  readonly debug: boolean;
  readonly confirm?: string;
}

/** What a command works with. */
export interface Session {
  readonly output: Output;
  readonly clients: Clients;
  readonly progress: Progress;
  /** Aborted by Ctrl-C and by what ends the process otherwise. */
  readonly signal: AbortSignal;
  /** What is said where that ends the command while something goes on by itself; undefined: nothing does any more. */
  partsWith(say: (() => string) | undefined): void;
  /** @throws what findDeployment throws */
  deployment(): Promise<Deployment>;
  /** Those of the deployment. @throws what readPolicies throws */
  policies(): Promise<readonly Policy[]>;
  /** Says who one is, and where, before anything is changed. */
  announce(): Promise<Deployment>;
  /**
   * Before something severe: the name has to be typed, or given with --confirm.
   * @throws CliError it was not, or nobody can be asked
   */
  confirm(what: string, name: string): Promise<void>;
}

export function openSession(options: GlobalOptions, interruption: Interruption): Session {
  const color = wantsColor(options.color, process.env, process.stdout.isTTY === true);
  const output = new Output({ format: options.output, color, quiet: options.quiet });
  const trace = options.debug ? (line: string) => output.warn(`debug: ${line}`) : undefined;
  const clients = createClients({ ...options, trace });
  interruption.govern(clients);
  const { signal } = interruption;
  let deployment: Promise<Deployment> | undefined;
  let policies: Promise<readonly Policy[]> | undefined;

  const session: Session = {
    ...{ output, clients, signal, progress: new Progress(process.stderr, options.quiet) },
    partsWith: (say) => interruption.partsWith(say),
    deployment() {
      deployment ??= findDeployment(clients, options.app, options.stage);
      return deployment;
    },
    policies() {
      policies ??= session.deployment().then((found) => readPolicies(clients, found));
      return policies;
    },
    async announce() {
      const found = await session.deployment();
      output.say(identityLine(found));
      return found;
    },
    async confirm(what, name) {
      if (options.confirm === name) return;
      if (options.confirm !== undefined) {
        throw new CliError(EXIT.usage, `--confirm says "${options.confirm}", and this is ${name}. Nothing was done.`);
      }
      if (process.stdin.isTTY !== true) {
        throw new CliError(EXIT.usage, `${what} Nothing was done.`, `say that you mean it: --confirm ${name}`);
      }
      const typed = await ask(`${what}\nType ${name} to go on: `, signal);
      if (typed.trim() !== name) throw new CliError(EXIT.usage, "That is not its name. Nothing was done.");
    },
  };
  return session;
}

// --- internal ---

async function ask(question: string, signal: AbortSignal): Promise<string> {
  const prompt = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return await prompt.question(question, { signal });
  } catch (error) {
    // Ctrl-C and Ctrl-D on a terminal come as this, and not as a signal.
    if (Object(error).name !== "AbortError") throw error;
    throw new CliError(EXIT.interrupted, "It was not confirmed. Nothing was done.");
  } finally {
    prompt.close();
  }
}
