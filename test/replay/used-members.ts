/** What an old definition reads of the replies that its tasks get. */

export interface DefinitionLike {
  readonly States: Readonly<Record<string, StateLike>>;
}

interface StateLike {
  readonly Type: string;
  readonly Assign?: Readonly<Record<string, unknown>>;
  readonly Items?: string;
  readonly ItemProcessor?: DefinitionLike;
  readonly [field: string]: unknown;
}

const PAYLOAD = "states.result.Payload";
const PATH = /\$([A-Za-z]\w*(?:\.[A-Za-z]\w*)*)/g;

/**
 * By state, the members of the reply that it reads itself, and that others read of the variables that it makes of it: "live",
 * "dependents[].name". A path inside a text of JSONata is found as well as any other.
 */
export function usedMembers(definition: DefinitionLike): ReadonlyMap<string, ReadonlySet<string>> {
  const states = allStates(definition);
  const paths = states.flatMap(([, state]) => pathsOf(state));
  return new Map(
    states
      .filter(([, { Type }]) => Type === "Task")
      .map(([name, state]) => [name, new Set([...readDirectly(state), ...readLater(state, paths)])]),
  );
}

/** The members of that reply that are not there, of those that were there in the one before. */
export function missingMembers(used: ReadonlySet<string>, before: unknown, now: unknown): readonly string[] {
  return [...used].filter((path) => has(before, path.split(".")) && !has(now, path.split(".")));
}

/** Every name of an error in a Retry or Catch. */
export function handledErrors(definition: DefinitionLike): ReadonlySet<string> {
  const names = allStates(definition).flatMap(([, state]) =>
    [state["Retry"], state["Catch"]].flatMap((rules) =>
      ((rules ?? []) as readonly { readonly ErrorEquals: readonly string[] }[]).flatMap((rule) => rule.ErrorEquals),
    ),
  );
  return new Set(names);
}

// --- internal ---

function allStates({ States }: DefinitionLike): readonly (readonly [string, StateLike])[] {
  return Object.entries(States).flatMap(([name, state]) => [
    [name, state] as const,
    ...(state.ItemProcessor === undefined ? [] : allStates(state.ItemProcessor)),
  ]);
}

function readDirectly(state: StateLike): readonly string[] {
  const { Catch: _, ...leaving } = state;
  return pathsOf(leaving).flatMap((path) => after(PAYLOAD, path));
}

/** Of variables that hold the reply, or a member of it. */
function readLater({ Assign = {} }: StateLike, paths: readonly string[]): readonly string[] {
  return Object.entries(Assign).flatMap(([variable, expression]) => {
    const [held] = pathsIn(String(expression)).filter((path) => path === PAYLOAD || path.startsWith(`${PAYLOAD}.`));
    if (held === undefined || !/^\{%\s*\$[\w.]+\s*%\}$/.test(String(expression))) return [];
    const prefix = after(PAYLOAD, held);
    return paths.flatMap((path) => after(variable, path)).map((member) => [...prefix, member].join("."));
  });
}

/** In a Map, what is read of an item is read of each item of its list. */
function pathsOf(state: Readonly<Record<string, unknown>>): readonly string[] {
  const { ItemProcessor: _, ...own } = state;
  const [items] = pathsIn(String(state["Items"] ?? ""));
  return pathsIn(JSON.stringify(own)).map((path) => {
    const member = after("states.context.Map.Item.Value", path)[0];
    return items === undefined || member === undefined ? path : `${items}[].${member}`;
  });
}

function pathsIn(text: string): readonly string[] {
  return [...text.matchAll(PATH)].map((match) => match[1] ?? "");
}

function after(prefix: string, path: string): readonly string[] {
  return path.startsWith(`${prefix}.`) ? [path.slice(prefix.length + 1)] : [];
}

function has(value: unknown, [first, ...rest]: readonly string[]): boolean {
  if (first === undefined) return value !== undefined;
  if (value === null || typeof value !== "object") return false;
  const name = first.replace(/\[\]$/, "");
  const member = (value as Readonly<Record<string, unknown>>)[name];
  if (!first.endsWith("[]")) return has(member, rest);
  return Array.isArray(member) && member.every((item) => has(item, rest));
}
