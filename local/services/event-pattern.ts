import { BlockList, isIPv4, isIPv6 } from "node:net";
import { isObject } from "./json.ts";
import { AwsError } from "./service.ts";

/** A checked event pattern, ready to be asked many times. */
export interface EventPattern {
  /** Whether the event, a JSON value, is matched. Never throws; time grows linearly with the event's size. */
  matches(event: unknown): boolean;
}

/**
 * Checks a pattern, given as JSON text or as its parsed object, against the whole language of "Comparison operators for
 * use in event patterns" (EventBridge User Guide), by the rules of AWS's own published matcher, Event Ruler.
 *
 * Throws AwsError InvalidEventPatternException with AWS's reason, followed by the path of the offending field.
 */
export function parsePattern(pattern: unknown): EventPattern {
  const source = typeof pattern === "string" ? parseJson(pattern) : pattern;
  if (!isObject(source)) invalid("Filter is not an object", []);
  const trees = compileObject(source, [], [new Map()], false).map(treeOf);
  return { matches: (event) => trees.some((tree) => holds(tree, [event])) };
}

// --- internal ---

type JsonObject = Readonly<Record<string, unknown>>;
/** Asks one leaf of the event: a string, number, boolean or null. */
type Test = (leaf: unknown) => boolean;
/** What is asked of one field: any test on any of its leaves, or that it has no leaf at all. */
interface Condition {
  readonly tests: readonly Test[];
  readonly absent: boolean;
}
/** One way through the pattern's `$or`s: the conditions that must hold together, by dotted path. */
type Branch = Map<string, Condition>;
interface Tree {
  condition?: Condition;
  readonly children: Map<string, Tree>;
}

const MAXIMUM_BRANCHES = 1000;
const MAXIMUM_DEPTH = 100;

// --- compiling ---

function compileObject(source: JsonObject, path: readonly string[], branches: Branch[], insideOr: boolean): Branch[] {
  const entries = Object.entries(source);
  if (entries.length === 0) invalid("Empty objects are not allowed", path);
  if (path.length > MAXIMUM_DEPTH) invalid("Rule is too deeply nested", path.slice(0, 3));
  let result = branches;
  for (const [key, value] of entries) {
    const here = [...path, key];
    if (key === "$or") result = compileOr(value, path, result);
    else if (insideOr && isReserved(key)) {
      invalid(`${key} is Ruler reserved fieldName which cannot be used inside $or.`, here);
    } else if (isObject(value)) result = compileObject(value, here, result, insideOr);
    else if (Array.isArray(value)) {
      const condition = compileField(value, here);
      for (const branch of result) branch.set(here.join("."), condition);
    } else invalid(`"${key}" must be an object or an array`, here);
  }
  return result;
}

/** Every alternative starts from every branch there is so far. */
function compileOr(alternatives: unknown, path: readonly string[], branches: Branch[]): Branch[] {
  const here = [...path, "$or"];
  if (!Array.isArray(alternatives)) invalid("It must be an Array followed with $or.", here);
  if (alternatives.length < 2) invalid("There must have at least 2 Objects in $or relationship.", here);
  const result: Branch[] = [];
  for (const alternative of alternatives) {
    if (!isObject(alternative)) invalid("Only JSON object is allowed in array of $or relationship.", here);
    const copies = branches.map((branch) => new Map(branch));
    result.push(...compileObject(alternative, path, copies, true));
    if (result.length > MAXIMUM_BRANCHES) invalid("Rule is too complex - try using fewer $or combinations", here);
  }
  return result;
}

function compileField(values: readonly unknown[], path: readonly string[]): Condition {
  if (values.length === 0) invalid("Empty arrays are not allowed", path);
  const tests: Test[] = [];
  let absent = false;
  for (const value of values) {
    if (Array.isArray(value)) invalid("Match value must be String, number, true, false, or null", path);
    if (!isObject(value)) tests.push((leaf) => leaf === value);
    else {
      const [operator, operand] = onlyEntry(value, "Match expression name not found", path);
      const compile = Object.hasOwn(OPERATORS, operator) ? OPERATORS[operator] : undefined;
      if (compile !== undefined) tests.push(compile(operand, path));
      else if (operator !== "exists") invalid(`Unrecognized match type ${operator}`, path);
      else if (typeof operand !== "boolean") invalid("exists match pattern must be either true or false.", path);
      else if (operand) tests.push(() => true);
      else absent = true;
    }
  }
  return { tests, absent };
}

const OPERATORS: Readonly<Record<string, (operand: unknown, path: readonly string[]) => Test>> = {
  exactly: (operand, path) => {
    const text = textOf(operand, "exact match pattern must be a string", path);
    return (leaf) => leaf === text;
  },
  prefix: (operand, path) => compileEnd("prefix", operand, path),
  suffix: (operand, path) => compileEnd("suffix", operand, path),
  "equals-ignore-case": (operand, path) => {
    const text = textOf(operand, "equals-ignore-case match pattern must be a string", path).toLowerCase();
    return onText((leaf) => leaf.toLowerCase() === text);
  },
  wildcard: (operand, path) => compileWildcard(textOf(operand, "wildcard match pattern must be a string", path), path),
  numeric: compileNumeric,
  cidr: compileCidr,
  "anything-but": compileAnythingBut,
};

function compileEnd(end: "prefix" | "suffix", operand: unknown, path: readonly string[]): Test {
  const ignoreCase = isObject(operand);
  let text: string;
  if (ignoreCase) {
    const [operator, value] = onlyEntry(operand, `${end} expression name not found`, path);
    if (operator !== "equals-ignore-case") invalid(`Unsupported ${end} pattern: ${operator}`, path);
    text = textOf(value, "equals-ignore-case match pattern must be a string", path).toLowerCase();
  } else text = textOf(operand, `${end} match pattern must be a string`, path);
  return onText((leaf) => {
    const folded = ignoreCase ? leaf.toLowerCase() : leaf;
    return end === "prefix" ? folded.startsWith(text) : folded.endsWith(text);
  });
}

/** The pieces between the stars are found from left to right, each once: nothing is ever tried again. */
function compileWildcard(pattern: string, path: readonly string[]): Test {
  const [first = "", ...rest] = splitAtStars(pattern, path);
  const last = rest.pop();
  if (last === undefined) return (leaf) => leaf === first;
  return onText((leaf) => {
    if (!leaf.startsWith(first)) return false;
    let from = first.length;
    for (const piece of rest) {
      const found = leaf.indexOf(piece, from);
      if (found === -1) return false;
      from = found + piece.length;
    }
    return leaf.length - last.length >= from && leaf.endsWith(last);
  });
}

function splitAtStars(pattern: string, path: readonly string[]): string[] {
  const pieces = [""];
  const append = (text: string) => pieces.push((pieces.pop() ?? "") + text);
  for (let index = 0; index < pattern.length; index += 1) {
    const character = pattern.charAt(index);
    const next = pattern.charAt(index + 1);
    // AWS counts positions in the quoted text.
    if (character === "\\") {
      if (next !== "*" && next !== "\\") invalid(`Invalid escape character at pos ${index + 1}`, path);
      append(next);
      index += 1;
    } else if (character !== "*") append(character);
    else if (next === "*") invalid(`Consecutive wildcard characters at pos ${index + 1}`, path);
    else pieces.push("");
  }
  return pieces;
}

/** Numbers are compared within -5e9 and 5e9 and to six decimals, as documented. */
function compileNumeric(operand: unknown, path: readonly string[]): Test {
  if (!Array.isArray(operand)) invalid("Value of numeric must be an array.", path);
  if (operand.length === 0) invalid("Invalid member in numeric match: ]", path);
  const [operator, bound] = comparison(operand[0], operand[1], path);
  if (operand.length === 2) return onNumber((leaf) => COMPARE[operator](leaf, bound));
  // A second pair closes a range from below; nothing else may follow.
  if (operator !== ">" && operator !== ">=") invalid("Too many elements in numeric expression", path);
  if (operand[2] !== "<" && operand[2] !== "<=") invalid(`Bad numeric range operator: ${operand[2]}`, path);
  const [upperOperator, upper] = comparison(operand[2], operand[3], path);
  if (operand.length > 4) invalid("Too many elements in numeric expression", path);
  if (bound >= upper) invalid("Bottom must be less than top", path);
  return onNumber((leaf) => COMPARE[operator](leaf, bound) && COMPARE[upperOperator](leaf, upper));
}

const COMPARE = {
  "=": (left: number, right: number) => left === right,
  "<": (left: number, right: number) => left < right,
  "<=": (left: number, right: number) => left <= right,
  ">": (left: number, right: number) => left > right,
  ">=": (left: number, right: number) => left >= right,
} as const;
type Comparison = keyof typeof COMPARE;
const NUMERIC_LIMIT = 5e9;
const millionths = (value: number) => Math.round(value * 1e6);

function comparison(operator: unknown, value: unknown, path: readonly string[]): [Comparison, number] {
  if (typeof operator !== "string") invalid(`Invalid member in numeric match: ${operator}`, path);
  if (!Object.hasOwn(COMPARE, operator)) invalid(`Unrecognized numeric range operator: ${operator}`, path);
  if (typeof value !== "number") invalid(`Value of ${operator} must be numeric`, path);
  if (Math.abs(value) > NUMERIC_LIMIT) invalid("Value must be between -5.0E9 and 5.0E9, inclusive", path);
  return [operator as Comparison, millionths(value)];
}

function compileCidr(operand: unknown, path: readonly string[]): Test {
  // "prefix" is what AWS says here.
  const parts = textOf(operand, "prefix match pattern must be a string", path).split("/");
  const [address = "", mask = ""] = parts;
  if (parts.length !== 2) invalid("Malformed CIDR, one '/' required", path);
  if (!/^[+-]?\d+$/.test(mask)) invalid("Malformed CIDR, mask bits must be an integer", path);
  const bits = Number(mask);
  if (bits < 0) invalid("Malformed CIDR, mask bits must not be negative", path);
  const family = familyOf(address);
  if (family === undefined) invalid(`Nonstandard IP address: ${address}`, path);
  const most = family === "ipv4" ? 32 : 128;
  if (bits > most) invalid(`${family === "ipv4" ? "IPv4" : "IPv6"} mask bits must be <= ${most}`, path);
  const block = new BlockList();
  block.addSubnet(address, bits, family);
  return onText((leaf) => familyOf(leaf) === family && block.check(leaf, family));
}

function familyOf(address: string): "ipv4" | "ipv6" | undefined {
  if (isIPv4(address)) return "ipv4";
  return isIPv6(address) && !address.includes("%") ? "ipv6" : undefined;
}

/** True of any leaf that is there and is none of what is named, of whatever type the leaf is. */
function compileAnythingBut(operand: unknown, path: readonly string[]): Test {
  const refused = isObject(operand) ? refusedByOperator(operand, path) : refusedValues(operand, path);
  return (leaf) => !refused.some((test) => test(leaf));
}

function refusedValues(operand: unknown, path: readonly string[]): Test[] {
  const values = Array.isArray(operand) ? operand : [operand];
  const type = typeof values[0];
  if (values.some((value) => typeof value !== "string" && typeof value !== "number")) {
    if (Array.isArray(operand)) invalid("Inside anything but list, start|null|boolean is not supported.", path);
    invalid("Value of anything-but must be an array or single string/number value.", path);
  }
  if (values.length === 0 || values.some((value) => typeof value !== type)) {
    invalid("Inside anything but list, either all values are number or string, mixed type is not supported", path);
  }
  return values.map((value) => (leaf) => leaf === value);
}

function refusedByOperator(operand: JsonObject, path: readonly string[]): Test[] {
  const [operator, value] = onlyEntry(operand, "Anything-But expression name not found", path);
  const compile = Object.hasOwn(OPERATORS, operator) ? OPERATORS[operator] : undefined;
  const reason = ANYTHING_BUT_OPERATORS.get(operator);
  if (reason === undefined || compile === undefined) invalid(`Unsupported anything-but pattern: ${operator}`, path);
  if (isObject(value)) invalid("Value of anything-but must be an array or single string/number value.", path);
  const texts: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (texts.length === 0) invalid("Empty arrays are not allowed", path);
  return texts.map((item) => {
    const text = textOf(item, reason, path);
    if (text === "" && operator.endsWith("fix")) invalid("Null prefix/suffix not allowed", path);
    return compile(text, path);
  });
}

/** The operators anything-but takes, and what AWS says when their operand is no string. */
const ANYTHING_BUT_OPERATORS: ReadonlyMap<string, string> = new Map([
  ["prefix", "prefix/suffix match pattern must be a string"],
  ["suffix", "prefix/suffix match pattern must be a string"],
  ["wildcard", "wildcard match pattern must be a string"],
  ["equals-ignore-case", "Inside anything-but/equals-ignore-case list, number|start|null|boolean is not supported."],
]);

/** Names that Event Ruler keeps for itself inside `$or`, some of them for operators yet to come. */
function isReserved(key: string): boolean {
  return Object.hasOwn(OPERATORS, key) || Object.hasOwn(COMPARE, key) || RESERVED.has(key);
}
const RESERVED: ReadonlySet<string> = new Set(
  (
    "exists regex not-wildcard not-equals-ignore-case date-after date-on-or-after date-before " +
    "date-on-or-before in-date-range ip-address-in-range ip-address-not-in-range"
  ).split(" "),
);

/** A key with dots is the same path as nested keys, in patterns as in events ("Considerations ..." in the guide). */
function treeOf(branch: Branch): Tree {
  const root: Tree = { children: new Map() };
  for (const [path, condition] of branch) {
    let node = root;
    for (const name of path.split(".")) {
      const child = node.children.get(name) ?? { children: new Map() };
      node.children.set(name, child);
      node = child;
    }
    node.condition = condition;
  }
  return root;
}

// --- matching ---

/** `values` is all that the event holds at the tree's path: usually one value, more where keys have dots. */
function holds(tree: Tree, values: readonly unknown[]): boolean {
  return conditionHolds(tree.condition, values) && childrenHold(tree, values);
}

function conditionHolds(condition: Condition | undefined, values: readonly unknown[]): boolean {
  if (condition === undefined) return true;
  const leaves = flatten(values).filter((value) => value !== undefined && !isObject(value));
  if (leaves.length === 0) return condition.absent;
  return leaves.some((leaf) => condition.tests.some((test) => test(leaf)));
}

/** All fields below one array must be matched by the same element of it. */
function childrenHold(tree: Tree, values: readonly unknown[]): boolean {
  if (tree.children.size === 0) return true;
  const array = values.find(Array.isArray);
  if (array === undefined) {
    return [...tree.children].every(([name, child]) =>
      holds(
        child,
        values.flatMap((value) => step(value, name)),
      ),
    );
  }
  const others = values.filter((value) => value !== array);
  const elements = flatten(array).filter(isObject);
  if (elements.length === 0) return childrenHold(tree, others);
  return elements.some((element) => childrenHold(tree, [...others, element]));
}

function step(value: unknown, name: string): unknown[] {
  if (!isObject(value)) return [];
  const found: unknown[] = Object.hasOwn(value, name) ? [value[name]] : [];
  for (const key of Object.keys(value)) {
    if (key.startsWith(`${name}.`)) found.push({ [key.slice(name.length + 1)]: value[key] });
  }
  return found;
}

/** Arrays in arrays are one array. A loop, because an event may nest deeper than the stack. */
function flatten(values: readonly unknown[]): unknown[] {
  const result: unknown[] = [];
  const waiting: unknown[] = [values];
  for (let value = waiting.pop(); value !== undefined || waiting.length > 0; value = waiting.pop()) {
    if (Array.isArray(value)) for (const item of value.toReversed()) waiting.push(item);
    else result.push(value);
  }
  return result;
}

// --- shared ---

function onText(test: (leaf: string) => boolean): Test {
  return (leaf) => typeof leaf === "string" && test(leaf);
}

function onNumber(test: (leaf: number) => boolean): Test {
  return (leaf) => typeof leaf === "number" && Math.abs(leaf) <= NUMERIC_LIMIT && test(millionths(leaf));
}

function textOf(value: unknown, reason: string, path: readonly string[]): string {
  return typeof value === "string" ? value : invalid(reason, path);
}

function onlyEntry(value: JsonObject, reasonIfNone: string, path: readonly string[]): [string, unknown] {
  const [entry, ...more] = Object.entries(value);
  if (entry === undefined) invalid(reasonIfNone, path);
  if (more.length > 0) invalid("Only one key allowed in match expression", path);
  return entry;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return invalid("The pattern is not valid JSON", []);
  }
}

function invalid(reason: string, path: readonly string[]): never {
  const place = path.length === 0 ? "" : `\n at [Source: ${path.join(".")}]`;
  throw new AwsError("InvalidEventPatternException", `Event pattern is not valid. Reason: ${reason}${place}`);
}
