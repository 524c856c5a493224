/** The state of that name, wherever it is in a workflow's definition, where names are unique; undefined: there is none. Pure. */
export function definitionState(definition: unknown, name: string): Members | undefined {
  const { States } = Object(definition) as { readonly States?: unknown };
  const states: Members = isMembers(States) ? States : {};
  const own = Object.hasOwn(states, name) ? states[name] : undefined;
  if (isMembers(own)) return own;
  for (const state of Object.values(states)) {
    const { ItemProcessor, Iterator, Branches } = Object(state) as Members;
    for (const inner of [ItemProcessor, Iterator, Branches].flat()) {
      const found = inner === undefined ? undefined : definitionState(inner, name);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

// --- internal ---

type Members = Readonly<Record<string, unknown>>;

function isMembers(value: unknown): value is Members {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
