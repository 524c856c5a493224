import { contains } from "../support/leaks.ts";
import type { Arena } from "./arena.ts";
import type { Played } from "./played.ts";

/** What was written down during one run. */
interface Written {
  readonly events: readonly object[];
  /** Every message on every topic. */
  readonly inbox: readonly object[];
  readonly logs: readonly { readonly text: string }[];
}

/** Looks for every password of the run in all that was written about it. */
export function leaksOf(
  arena: Arena,
  { watch, secretArn }: Played,
  { events, inbox, logs }: Written,
): readonly string[] {
  const list = arena.ask("secretsManager", "ListSecretVersionIds", { SecretId: secretArn, IncludeDeprecated: true });
  const versions = list["Versions"] as readonly { VersionId: string }[];
  const passwords = versions.flatMap(({ VersionId }) => watch.credentialOf(VersionId)?.password ?? []);
  const executions = arena.account.states.executions().filter(({ record }) => watch.seen.has(record.name));
  const places = {
    "an execution history": JSON.stringify(executions.map((execution) => execution.events)),
    "a function's log": logs.map(({ text }) => text).join("\n"),
    "a message": JSON.stringify(inbox),
    "an event": JSON.stringify(events),
  };
  return Object.entries(places)
    .filter(([, text]) => passwords.some((password) => contains(text, password)))
    .map(([place]) => `A password was seen in ${place}.`);
}
