import { listOf, objectOf, textOf } from "./payload.ts";

export interface DefinedState {
  readonly name: string;
  readonly type: string;
  readonly comment: string | undefined;
  /** As the definition has it. */
  readonly body: Readonly<Record<string, unknown>>;
  readonly isEnd: boolean;
  readonly edges: readonly DefinedEdge[];
}

export interface DefinedEdge {
  readonly to: string;
  /** "default": where a Choice leads if none of its conditions holds. */
  readonly kind: "next" | "default" | "choice" | "catch";
  /** Of a catch: names of errors. */
  readonly errors: readonly string[];
}

export interface Definition {
  readonly startAt: string;
  /** States of the main line, in the definition's order. */
  readonly states: ReadonlyMap<string, DefinedState>;
  /** All states, those inside Maps and Parallels among them. */
  readonly all: ReadonlyMap<string, DefinedState>;
}

/** Reads a definition in Amazon States Language; undefined: it is none. Edges to states that are not there are left out. Pure. */
export function readDefinition(value: unknown): Definition | undefined {
  const { StartAt, States } = objectOf(value);
  const startAt = textOf(StartAt);
  const states = statesOf(States);
  if (startAt === undefined || !states.has(startAt)) return undefined;
  return { startAt, states, all: withInner(States) };
}

// --- internal ---

function statesOf(states: unknown): ReadonlyMap<string, DefinedState> {
  const bodies = Object.entries(objectOf(states)).map(([name, body]) => [name, objectOf(body)] as const);
  const names = new Set(bodies.map(([name]) => name));
  return new Map(bodies.map(([name, body]) => [name, toState(name, body, names)]));
}

function toState(name: string, body: Readonly<Record<string, unknown>>, names: ReadonlySet<string>): DefinedState {
  const to = (target: unknown, kind: DefinedEdge["kind"], errors: readonly string[] = []): readonly DefinedEdge[] => {
    const found = textOf(target);
    return found !== undefined && names.has(found) ? [{ to: found, kind, errors }] : [];
  };
  const type = textOf(body["Type"]) ?? "";
  return {
    name,
    type,
    comment: textOf(body["Comment"]),
    body,
    isEnd: body["End"] === true || type === "Succeed" || type === "Fail",
    edges: [
      ...to(body["Next"], "next"),
      ...to(body["Default"], "default"),
      ...listOf(body["Choices"]).flatMap((choice) => to(objectOf(choice)["Next"], "choice")),
      ...listOf(body["Catch"]).flatMap((each) => {
        const { Next, ErrorEquals } = objectOf(each);
        return to(
          Next,
          "catch",
          listOf(ErrorEquals).filter((error) => typeof error === "string"),
        );
      }),
    ],
  };
}

function withInner(states: unknown): ReadonlyMap<string, DefinedState> {
  const found = new Map(statesOf(states));
  for (const body of Object.values(objectOf(states))) {
    const { ItemProcessor, Iterator, Branches } = objectOf(body);
    for (const inner of [ItemProcessor, Iterator, ...listOf(Branches)]) {
      for (const [name, state] of withInner(objectOf(inner)["States"])) found.set(name, state);
    }
  }
  return found;
}
