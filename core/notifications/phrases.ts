import type { DependentEvidence, LabelTable, OutcomeFacts } from "../outcome.ts";
import { adviceOf } from "./advice.ts";
import { count, identifier, time } from "./text.ts";

export function signIn({ signedInAt }: OutcomeFacts): string {
  return signedInAt == null ? "" : ` (it signed in at ${time(signedInAt)})`;
}

export function seenBy(all: readonly DependentEvidence[], did: string): string {
  const of = (...strengths: readonly string[]) => all.filter(({ strength }) => strengths.includes(strength));
  const weak = of("weak");
  const none = of("none");
  const others = [
    ...(weak.length > 0 ? [`${names(weak)}: healthy, but the version could not be confirmed`] : []),
    ...(none.length > 0 ? [`${names(none)}: not seen`] : []),
  ];
  const told = `${of("strong", "claimed").length} of ${count(all.length, "dependent")} ${all.length === 1 ? "was" : "were"} ${did}`;
  return others.length === 0 ? told : `${told} (${others.join("; ")})`;
}

export function names(all: readonly DependentEvidence[]): string {
  const shown = all.slice(0, 3).map(({ dependent }) => identifier(dependent, 64));
  return all.length > 3 ? `${shown.join(", ")} and ${all.length - 3} more` : shown.join(" and ");
}

export function duty(facts: OutcomeFacts): string {
  const { todo, calm } = adviceOf(facts);
  return calm ? `nothing to do: ${todo}` : `to do: ${todo}`;
}

export function reasonOf(failure: OutcomeFacts["failure"], otherwise: string | null | undefined = undefined): string {
  if (failure != null) return `${identifier(failure.name, 64)} in ${identifier(failure.step, 80)}`;
  return otherwise == null ? "the reason is not known" : identifier(otherwise, 160);
}

export function capital(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
}

/** The version that AWSCURRENT is on. */
export function holderOf(labels: LabelTable | null | undefined): string | undefined {
  return Object.entries(labels ?? {}).find(([, held]) => held.includes("AWSCURRENT"))?.[0];
}
