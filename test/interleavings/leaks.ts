import { AWSCURRENT } from "../../core/versions/secret.ts";
import { leakScanner } from "../support/leak-scanner.ts";
import { textsIn } from "../support/leak-texts.ts";
import type { Arena } from "./arena.ts";
import type { Played } from "./played.ts";

/** What was written down during one run. */
interface Written {
  readonly events: readonly object[];
  /** Every message on every topic. */
  readonly inbox: readonly object[];
  readonly logs: readonly { readonly text: string }[];
}

type Version = { readonly VersionId: string; readonly VersionStages?: readonly string[] };

/**
 * Looks for every password of the run in all that was written about it.
 * @throws Error when there is nothing to look for, or what is looked for could not be found: that would pass for no leak
 */
export function leaksOf(
  arena: Arena,
  { base, older, watch, secretArn }: Pick<Played, "base" | "older" | "secretArn" | "watch">,
  { events, inbox, logs }: Written,
): readonly string[] {
  const list = arena.ask("secretsManager", "ListSecretVersionIds", { SecretId: secretArn, IncludeDeprecated: true });
  const versions = list["Versions"] as readonly Version[];
  const current = versions.flatMap(({ VersionId, VersionStages }) =>
    VersionStages?.includes(AWSCURRENT) ? VersionId : [],
  );
  // A version that a rotation has begun has no value yet. These have one, whatever has happened.
  const passwordOf = (id: string) => watch.credentialOf(id)?.password;
  const unknown = [base, older, ...current].filter((id) => passwordOf(id) === undefined);
  if (unknown.length > 0) throw new Error(`There is no password to look for: not of ${unknown.join(", ")}.`);
  const ids = new Set([base, older, ...versions.map(({ VersionId }) => VersionId)]);
  const passwords = [...ids].flatMap((id) => passwordOf(id) ?? []);
  const executions = arena.account.states.executions().filter(({ record }) => watch.seen.has(record.name));
  const scan = leakScanner(passwords);
  const places = {
    "an execution history": executions.map((execution) => execution.events),
    "a function's log": logs.map(({ text }) => text),
    "a message": inbox,
    "an event": events,
  };
  const sees = (written: readonly unknown[]) => scan(textsIn(written)).length > 0;
  if (!passwords.every((each) => sees([each]))) throw new Error("A password of the run would not be found anywhere.");
  return Object.entries(places)
    .filter(([, written]) => sees(written))
    .map(([place]) => `A password was seen in ${place}.`);
}
