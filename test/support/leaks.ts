import { leakScanner } from "./leak-scanner.ts";
import { hashesOf, secretsIn, VERIFIER } from "./leak-secrets.ts";
import { SINKS, type Sink, type SinkName } from "./leak-sinks.ts";
import type { LeakWatch } from "./leak-watch.ts";

/**
 * Looks for every secret that the account has ever stored, administrators' passwords and signing keys included, and for every
 * RotationToken, in every sink.
 * @returns where one was found, and in what form: "a function's log (base64)"; nothing of the secret
 */
export async function leaksOf(
  watch: LeakWatch,
  further: readonly string[] = [],
): Promise<Readonly<Partial<Record<SinkName, readonly string[]>>>> {
  const values = watch.account.secretsManager.everyValue();
  return findLeaks(
    [...values.flatMap(secretsIn), ...watch.tokens, ...further],
    (sink: Sink) => sink.read(watch),
    SINKS,
  );
}

/** Looks for secrets in sinks. Where a sink has no hashes of its own, what a database keeps of a secret is as secret as itself. */
export async function findLeaks<Name extends string, S extends { readonly hasHashes?: true }>(
  secrets: readonly string[],
  read: (sink: S) => string | Promise<string>,
  sinks: Readonly<Record<Name, S>>,
): Promise<Readonly<Partial<Record<Name, readonly string[]>>>> {
  const unique = [...new Set(secrets)];
  const scan = leakScanner([...unique, VERIFIER, ...unique.flatMap(hashesOf)]);
  const scanWithHashes = leakScanner(unique);
  const found: Partial<Record<Name, readonly string[]>> = {};
  for (const [name, sink] of Object.entries(sinks) as [Name, S][]) {
    const forms = (sink.hasHashes ? scanWithHashes : scan)(await read(sink));
    if (forms.length > 0) found[name] = forms;
  }
  return found;
}
