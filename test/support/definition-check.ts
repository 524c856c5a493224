import jsonata from "jsonata";
import type { State, StateGraph } from "../../local/engine/definition.ts";
import { expressionSource, isExpression } from "../../local/engine/jsonata.ts";

/**
 * Faults of a JSONata state machine that AWS shows at run time only, or never. Each is one sentence that names the state
 * and the field; none means that the definition is clean. The definition has to be one that `parseDefinition` takes.
 *
 * 1. A variable that some path to its use does not assign. A Catch carries what was assigned before the state and what
 *    the catcher assigns. `$exists($x) ? $x : ...` is not a use without assignment.
 * 2. The reserved name `states`, assigned in Assign or inside an expression.
 * 3. `$eval`, which Step Functions does not have.
 * 4. `$states.errorOutput` outside a catcher, and `$states.result` elsewhere than in Assign and Output of a Task, Map or
 *    Parallel.
 * 5. In Choice, Wait and Pass, which have no Catch, an expression that could fail: more than a variable, a literal,
 *    `$states.input`, or their comparison and combination.
 * 6. A Fail whose Error is, or may be computed to, a name beginning with "States.".
 */
export function checkDefinition(definition: DefinitionLike): string[] {
  return checkGraph(definition as StateGraph, new Set());
}

/** Whatever type its reader gave it. */
interface DefinitionLike {
  readonly StartAt: string;
  readonly States: Readonly<Record<string, object>>;
}

// --- internal ---

/** Names of variables, "everything" standing for what is not known yet. */
type Names = ReadonlySet<string>;

function checkGraph(graph: StateGraph, outer: Names): string[] {
  const assigned = assignedOnEntry(graph, outer);
  return Object.entries(graph.States).flatMap(([name, state]) => {
    const known = assigned.get(name);
    // Not reachable: no path, no fault. parseDefinition refuses such a state.
    if (known === undefined) return [];
    const inner = state.Type === "Map" ? [state.ItemProcessor] : state.Type === "Parallel" ? state.Branches : [];
    return [...checkState(name, state, known), ...inner.flatMap((graph) => checkGraph(graph, known))];
  });
}

/** For every state, what is assigned on every path that reaches it. */
function assignedOnEntry(graph: StateGraph, outer: Names): Map<string, Names> {
  const entry = new Map<string, Names>();
  const pending: [name: string, assigned: Names][] = [[graph.StartAt, outer]];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const [name, arriving] = next;
    const state = graph.States[name];
    if (state === undefined) continue;
    const before = entry.get(name);
    const both = before === undefined ? arriving : new Set([...before].filter((variable) => arriving.has(variable)));
    if (before !== undefined && both.size === before.size) continue;
    entry.set(name, both);
    for (const [target, assign] of transitions(state))
      pending.push([target, new Set([...both, ...Object.keys(assign)])]);
  }
  return entry;
}

function transitions(state: State): [target: string, assign: object][] {
  switch (state.Type) {
    case "Choice": {
      const rules = state.Choices.map((rule): [string, object] => [rule.Next, rule.Assign ?? {}]);
      return state.Default === undefined ? rules : [...rules, [state.Default, state.Assign ?? {}]];
    }
    case "Succeed":
    case "Fail":
      return [];
    default: {
      const caught = "Catch" in state ? (state.Catch ?? []) : [];
      return [
        ...(state.Next === undefined ? [] : [[state.Next, state.Assign ?? {}] as [string, object]]),
        ...caught.map((catcher): [string, object] => [catcher.Next, catcher.Assign ?? {}]),
      ];
    }
  }
}

function checkState(name: string, state: State, known: Names): string[] {
  const problems: string[] = [];
  const report = (field: string, text: string) => problems.push(`${name}, ${field}: ${text}`);

  for (const { field, expression, part } of expressionsOf(state)) {
    const { variables, members, assignsStates, plain } = usesOf(expressionSource(expression));
    for (const variable of variables) {
      if (variable === "eval") report(field, "$eval does not exist in Step Functions");
      else if (!known.has(variable) && !FUNCTIONS.has(variable)) {
        report(field, `$${variable} is not assigned on every path to this state`);
      }
    }
    if (assignsStates) report(field, "$states is reserved and cannot be assigned");
    if (members.has("errorOutput") && part !== "catcher") report(field, "$states.errorOutput exists in a Catch only");
    const hasResult = part === "leaving" && ["Task", "Map", "Parallel"].includes(state.Type);
    if (members.has("result") && !hasResult) {
      report(field, "$states.result exists in Assign and Output of a Task, Map or Parallel only");
    }
    if (["Choice", "Wait", "Pass"].includes(state.Type) && !plain) {
      report(field, `this expression could fail, and ${state.Type} has no Catch: compute it in the Assign of a Task`);
    }
  }
  for (const [field, assign] of assignments(state)) {
    if ("states" in assign) report(field, "$states is reserved and cannot be assigned");
  }
  if (state.Type === "Fail" && state.Error !== undefined) {
    if (state.Error.startsWith("States.")) report("Error", "a name of ours cannot begin with 'States.'");
    else if (isExpression(state.Error)) report("Error", "a computed name may begin with 'States.': put it in Cause");
  }
  return problems;
}

/** Which rules apply: what a state computes when it is left, what its catcher computes, or anything else. */
type Part = "leaving" | "catcher" | "other";

interface Located {
  readonly field: string;
  readonly expression: string;
  readonly part: Part;
}

function expressionsOf(state: State): Located[] {
  const located: Located[] = [];
  const collect = (value: unknown, field: string, part: Part) => {
    if (typeof value === "string") {
      if (isExpression(value)) located.push({ field, expression: value, part });
    } else if (typeof value === "object" && value !== null) {
      for (const [key, member] of Object.entries(value)) collect(member, `${field}/${key}`, part);
    }
  };
  for (const [field, value] of Object.entries(state)) {
    if (field === "ItemProcessor" || field === "Branches") continue;
    if (field === "Catch") collect(value, field, "catcher");
    else collect(value, field, field === "Assign" || field === "Output" ? "leaving" : "other");
  }
  return located;
}

function assignments(state: State): [field: string, assign: object][] {
  const found: [string, object][] = [];
  const add = (field: string, leaving: { readonly Assign?: object | undefined }) => {
    if (leaving.Assign !== undefined) found.push([`${field}Assign`, leaving.Assign]);
  };
  if (state.Type !== "Succeed" && state.Type !== "Fail") add("", state);
  if ("Catch" in state) for (const [index, catcher] of (state.Catch ?? []).entries()) add(`Catch/${index}/`, catcher);
  if (state.Type === "Choice") for (const [index, rule] of state.Choices.entries()) add(`Choices/${index}/`, rule);
  return found;
}

interface Uses {
  /** Variables and functions that the expression takes from outside. */
  readonly variables: Names;
  /** First members of $states that it reads. */
  readonly members: Names;
  readonly assignsStates: boolean;
  /** It cannot fail, whatever its variables are. */
  readonly plain: boolean;
}

/** A node of JSONata's syntax tree; the published type leaves most of its members out. */
interface SyntaxNode {
  readonly type: string;
  readonly value?: unknown;
  readonly [member: string]: unknown;
}

function usesOf(source: string): Uses {
  const variables = new Set<string>();
  const members = new Set<string>();
  let assignsStates = false;

  const visit = (node: SyntaxNode, bound: Names): Names => {
    switch (node.type) {
      case "variable":
        use(node, bound);
        return bound;
      case "bind": {
        visit(node.rhs as SyntaxNode, bound);
        const variable = String((node.lhs as SyntaxNode).value);
        if (variable === "states") assignsStates = true;
        return new Set([...bound, variable]);
      }
      case "block":
        inOrder(node.expressions as SyntaxNode[], bound);
        return bound;
      case "lambda": {
        const parameters = (node.arguments as SyntaxNode[]).map((parameter) => String(parameter.value));
        visit(node.body as SyntaxNode, new Set([...bound, ...parameters]));
        return bound;
      }
      case "condition": {
        const condition = node.condition as SyntaxNode;
        const guarded = guardedVariable(condition);
        if (guarded === undefined) visit(condition, bound);
        visit(node.then as SyntaxNode, guarded === undefined ? bound : new Set([...bound, guarded]));
        if (node.else !== undefined) visit(node.else as SyntaxNode, bound);
        return bound;
      }
      case "path": {
        const steps = node.steps as SyntaxNode[];
        const [first, second] = steps;
        if (first?.type === "variable" && first.value === "states" && second?.type === "name") {
          members.add(String(second.value));
        }
        const named = steps.flatMap((step) => [step.focus, step.index]).filter((name) => typeof name === "string");
        inOrder(steps, new Set([...bound, ...(named as string[])]));
        return bound;
      }
      default:
        inOrder(childrenOf(node), bound);
        return bound;
    }
  };

  function inOrder(nodes: readonly SyntaxNode[], bound: Names): void {
    nodes.reduce((sofar, node) => visit(node, sofar), bound);
  }

  function use(node: SyntaxNode, bound: Names): void {
    const variable = String(node.value);
    if (!["", "$", "states"].includes(variable) && !bound.has(variable)) variables.add(variable);
    inOrder(childrenOf(node), bound);
  }

  const tree = jsonata(source).ast() as SyntaxNode;
  visit(tree, new Set());
  return { variables, members, assignsStates, plain: isPlain(tree) };
}

/** Every node directly inside, however deep in lists. */
function childrenOf(node: SyntaxNode): SyntaxNode[] {
  const nodesIn = (value: unknown): SyntaxNode[] => {
    if (Array.isArray(value)) return value.flatMap(nodesIn);
    if (typeof value !== "object" || value === null || value instanceof RegExp) return [];
    if (typeof (value as SyntaxNode).type === "string") return [value as SyntaxNode];
    return Object.values(value).flatMap(nodesIn);
  };
  return Object.entries(node).flatMap(([member, value]) => (member === "value" ? [] : nodesIn(value)));
}

/** The variable of `$exists($variable)`. */
function guardedVariable(node: SyntaxNode): string | undefined {
  const [only, ...others] = (node.arguments ?? []) as SyntaxNode[];
  const called = (node.procedure as SyntaxNode | undefined)?.value;
  if (node.type !== "function" || called !== "exists" || only?.type !== "variable" || others.length > 0)
    return undefined;
  return String(only.value);
}

const COMPARISONS = ["=", "!=", "<", "<=", ">", ">="];

function isPlain(node: SyntaxNode): boolean {
  if (isOperand(node)) return true;
  if (node.type === "function" && (node.procedure as SyntaxNode).value === "not") {
    return (node.arguments as SyntaxNode[]).every(isPlain);
  }
  if (node.type !== "binary") return false;
  const sides = [node.lhs as SyntaxNode, node.rhs as SyntaxNode];
  if (COMPARISONS.includes(String(node.value))) return sides.every(isOperand);
  return ["and", "or"].includes(String(node.value)) && sides.every(isPlain);
}

function isOperand(node: SyntaxNode): boolean {
  if (node.type === "variable") return node.predicate === undefined && node.value !== "states";
  if (["string", "number", "value"].includes(node.type)) return true;
  const steps = (node.type === "path" ? node.steps : []) as SyntaxNode[];
  return steps.length === 2 && steps[0]?.value === "states" && steps[1]?.value === "input";
}

/** JSONata 2.0.6, and what Step Functions adds (AWS, "Transforming data with JSONata in Step Functions"). */
const FUNCTIONS: Names = new Set(
  (
    "sum count max min average string substring substringBefore substringAfter lowercase uppercase length trim pad match " +
    "contains replace split join formatNumber formatBase formatInteger parseInteger number floor ceil round abs sqrt " +
    "power random boolean not map zip filter single reduce sift keys lookup append exists spread merge reverse each " +
    "error assert type sort shuffle distinct base64encode base64decode encodeUrlComponent encodeUrl decodeUrlComponent " +
    "decodeUrl toMillis fromMillis clone now millis partition range hash uuid parse"
  ).split(" "),
);
