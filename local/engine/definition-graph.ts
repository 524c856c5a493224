import jsonata from "jsonata";
import type { State, StateGraph } from "./definition.ts";
import { expressionSource, isExpression } from "./jsonata.ts";

/** What a schema cannot see: transitions, names, error lists, and the syntax of every expression. Returns the faults. */
export function checkGraph(graph: StateGraph): string[] {
  return [...checkStates(graph, ""), ...checkNames(graph), ...checkExpressions(graph, "")];
}

function checkStates(graph: StateGraph, at: string): string[] {
  const problems: string[] = [];
  const reached = new Set<string>();
  const go = (name: string, from: string) => {
    if (graph.States[name] === undefined) {
      problems.push(`MISSING_TRANSITION_TARGET: Missing 'Next' target: ${name} at ${from}`);
    } else if (!reached.has(name)) {
      reached.add(name);
      for (const [target, field] of transitions(graph.States[name])) go(target, `${at}/States/${name}/${field}`);
    }
  };
  go(graph.StartAt, `${at}/StartAt`);
  for (const [name, state] of Object.entries(graph.States)) {
    const here = `${at}/States/${name}`;
    if (!reached.has(name)) {
      problems.push(`MISSING_TRANSITION_TARGET: State "${name}" is not reachable. at ${here}`);
    }
    problems.push(...checkState(state).map((text) => `SCHEMA_VALIDATION_FAILED: ${text} at ${here}`));
    for (const [graph, field] of graphsIn(state)) problems.push(...checkStates(graph, `${here}/${field}`));
  }
  return problems;
}

function transitions(state: State): [target: string, field: string][] {
  const found: [string, string][] = [];
  if (state.Type === "Choice") {
    state.Choices.forEach((rule, index) => {
      found.push([rule.Next, `Choices[${index}]/Next`]);
    });
    if (state.Default !== undefined) found.push([state.Default, "Default"]);
  } else if (state.Type !== "Succeed" && state.Type !== "Fail" && state.Next !== undefined) {
    found.push([state.Next, "Next"]);
  }
  if ("Catch" in state) {
    state.Catch?.forEach((catcher, index) => {
      found.push([catcher.Next, `Catch[${index}]/Next`]);
    });
  }
  return found;
}

/** The graphs that a state runs inside of itself, and the field that holds each one. */
function graphsIn(state: State): [graph: StateGraph, field: string][] {
  if (state.Type === "Map") return [[state.ItemProcessor, "ItemProcessor"]];
  if (state.Type === "Parallel") return state.Branches.map((branch, index) => [branch, `Branches[${index}]`]);
  return [];
}

const LAMBDA_ARGUMENTS = ["FunctionName", "Payload"];

function checkState(state: State): string[] {
  const problems: string[] = [];
  if (state.Type !== "Choice" && state.Type !== "Succeed" && state.Type !== "Fail") {
    if ((state.Next === undefined) === (state.End !== true)) problems.push("Exactly one of Next and End is needed");
  }
  if (state.Type === "Wait" && (state.Seconds === undefined) === (state.Timestamp === undefined)) {
    problems.push("Exactly one of Seconds and Timestamp is needed");
  }
  if (state.Type === "Task") {
    const given = state.Arguments;
    if (given === undefined || (typeof given === "object" && given !== null && !("FunctionName" in given))) {
      problems.push("The field 'FunctionName' is required but was missing");
    }
    for (const key of typeof given === "object" && given !== null ? Object.keys(given) : []) {
      if (!LAMBDA_ARGUMENTS.includes(key)) problems.push(`The argument '${key}' is not supported`);
    }
    const { HeartbeatSeconds: heartbeat, TimeoutSeconds: timeout } = state;
    if (typeof heartbeat === "number" && typeof timeout === "number" && heartbeat >= timeout) {
      problems.push("HeartbeatSeconds must be smaller than TimeoutSeconds");
    }
  }
  if (state.Type === "Task" || state.Type === "Map" || state.Type === "Parallel") {
    problems.push(...checkWildcards(state.Retry, "Retry"), ...checkWildcards(state.Catch, "Catch"));
  }
  for (const leaving of leavings(state)) {
    for (const variable of Object.keys(leaving.Assign ?? {})) {
      if (variable === "states") problems.push("'states' is reserved and cannot be assigned");
      else if (!/^\p{ID_Start}[\p{ID_Continue}]{0,79}$/u.test(variable)) {
        problems.push(`'${variable}' is not a variable name`);
      }
    }
  }
  return problems;
}

function leavings(state: State): readonly { readonly Assign?: object | undefined }[] {
  if (state.Type === "Succeed" || state.Type === "Fail") return [];
  const caught = "Catch" in state ? (state.Catch ?? []) : [];
  return [state, ...caught, ...(state.Type === "Choice" ? state.Choices : [])];
}

/** States.ALL must stand alone, in the last retrier or catcher (States Language, "Errors"). */
function checkWildcards(list: readonly { readonly ErrorEquals: readonly string[] }[] = [], field: string): string[] {
  return list.flatMap((entry, index) => {
    if (!entry.ErrorEquals.includes("States.ALL")) return [];
    if (entry.ErrorEquals.length === 1 && index === list.length - 1) return [];
    return [`States.ALL must be alone in ErrorEquals and in the last element of ${field}`];
  });
}

/** Names are unique in the whole state machine (States Language, "States"). */
function checkNames(graph: StateGraph): string[] {
  const seen = new Set<string>();
  const problems: string[] = [];
  const visit = (inner: StateGraph) => {
    for (const [name, state] of Object.entries(inner.States)) {
      if (seen.has(name)) problems.push(`DUPLICATE_STATE_NAME: Duplicate State name: ${name} at /States/${name}`);
      seen.add(name);
      for (const [graph] of graphsIn(state)) visit(graph);
    }
  };
  visit(graph);
  return problems;
}

/** AWS refuses an expression that does not parse when the state machine is created. */
function checkExpressions(value: unknown, at: string): string[] {
  if (typeof value === "string" && isExpression(value)) {
    try {
      jsonata(expressionSource(value));
      return [];
    } catch (error) {
      return [`INVALID_JSONATA: ${(error as Error).message} at ${at}`];
    }
  }
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, member]) =>
    checkExpressions(member, Array.isArray(value) ? `${at}[${key}]` : `${at}/${key}`),
  );
}
