import { redactText } from "./redact-text.ts";

/**
 * A workflow's definition, which may be anybody's: which states there are, how they lead to each other, how they are tried again, which
 * functions they call. What they hand over and assign is left out. Pure.
 */
export function redactDefinition(definition: unknown): unknown {
  return isObject(definition) ? workflowOf(definition) : null;
}

// --- internal ---

type Members = Readonly<Record<string, unknown>>;

const TEXTS = ["Type", "Comment", "Next", "Default", "Resource", "StartAt", "QueryLanguage", "Timestamp"];
const RETRY = ["ErrorEquals", "IntervalSeconds", "BackoffRate", "MaxDelaySeconds", "MaxAttempts", "JitterStrategy"];
/** A number, or an expression. */
const NUMBERS = ["Seconds", "TimeoutSeconds", "HeartbeatSeconds", "MaxConcurrency"];

function workflowOf(workflow: Members): Members {
  const { States } = workflow;
  return {
    ...kept(workflow, [...TEXTS, "TimeoutSeconds"]),
    States: isObject(States)
      ? Object.fromEntries(Object.entries(States).map(([name, state]) => [redactText(name), stateOf(state)]))
      : {},
  };
}

function stateOf(state: unknown): Members {
  if (!isObject(state)) return {};
  const { Choices, Retry, Catch, Arguments, ItemProcessor, Iterator, Branches } = state;
  return {
    ...kept(state, [...TEXTS, ...NUMBERS, "End"]),
    ...listOf("Choices", Choices, (choice) => kept(choice, ["Next", "Comment"])),
    ...listOf("Retry", Retry, (retrier) => kept(retrier, RETRY)),
    ...listOf("Catch", Catch, (catcher) => kept(catcher, ["ErrorEquals", "Next"])),
    ...listOf("Branches", Branches, workflowOf),
    ...(isObject(Arguments) ? { Arguments: kept(Arguments, ["FunctionName"]) } : {}),
    ...(isObject(ItemProcessor) ? { ItemProcessor: workflowOf(ItemProcessor) } : {}),
    ...(isObject(Iterator) ? { Iterator: workflowOf(Iterator) } : {}),
  };
}

function listOf(name: string, list: unknown, each: (item: Members) => Members): Members {
  return Array.isArray(list) ? { [name]: list.filter(isObject).map(each) } : {};
}

/** Texts, numbers, flags and lists of texts: nothing that has members of its own. */
function kept(members: Members, names: readonly string[]): Members {
  return Object.fromEntries(
    names.flatMap((name): [string, unknown][] => {
      const value = members[name];
      if (typeof value === "string") return [[name, redactText(value)]];
      if (typeof value === "number" || typeof value === "boolean") return [[name, value]];
      if (!Array.isArray(value)) return [];
      return [[name, value.filter((each) => typeof each === "string").map(redactText)]];
    }),
  );
}

function isObject(value: unknown): value is Members {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
