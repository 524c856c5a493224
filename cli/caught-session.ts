import type { Policy } from "../core/policies.ts";
import { CliError } from "./cli-error.ts";
import { EXIT } from "./exit-status.ts";
import { Output } from "./output.ts";
import { readPolicies } from "./policies.ts";
import { Progress } from "./progress.ts";
import type { Session } from "./session.ts";

/** What a command has printed. */
export interface Caught {
  /** For people, line by line. */
  readonly said: readonly string[];
  readonly documents: readonly Readonly<Record<string, unknown>>[];
}

/**
 * A session for one command of which nobody sees a terminal: what it prints is kept, and where it asks for a name it gets `typed`. It
 * reads policies anew.
 */
export function caughtSession(session: Session, typed: string): { readonly session: Session; readonly caught: Caught } {
  const said: string[] = [];
  const documents: Readonly<Record<string, unknown>>[] = [];
  const to = {
    result: (text: string) => void documents.push(JSON.parse(text)),
    besides: (text: string) => void said.push(...text.trimEnd().split("\n")),
  };
  let policies: Promise<readonly Policy[]> | undefined;
  const own: Session = {
    ...session,
    output: new Output({ format: "ndjson", color: false, quiet: false, to }),
    progress: new Progress(process.stderr, true),
    partsWith: () => {},
    policies() {
      policies ??= session.deployment().then((found) => readPolicies(session.clients, found));
      return policies;
    },
    announce: () => session.deployment(),
    confirm: async (_what, name) => {
      if (typed !== name) throw new CliError(EXIT.usage, "That is not its name. Nothing was done.");
    },
  };
  return { session: own, caught: { said, documents } };
}
