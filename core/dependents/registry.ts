import type { DependentKind } from "./dependent.ts";
import * as all from "./index.ts";

const kinds = new Map<string, DependentKind>();
for (const kind of Object.values<DependentKind>(all)) {
  if (kinds.has(kind.kind)) {
    throw new Error(`Two kinds of dependents are called ${kind.kind}.`);
  }
  kinds.set(kind.kind, kind);
}

/** The kind that a policy's dependent names, or undefined when there is none of that name. */
export function findKind(kind: string): DependentKind | undefined {
  return kinds.get(kind);
}

/** The names of all kinds, in alphabetical order. */
export const kindNames: readonly string[] = [...kinds.keys()].sort();
