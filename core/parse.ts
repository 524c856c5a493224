import * as z from "zod/mini";

/** A schema of "zod" or of "zod/mini": what both are made of. */
export type Schema<T = unknown> = z.core.$ZodType<T>;

export type Parsed<T> =
  | { readonly success: true; readonly data: T }
  /** One sentence per problem: where, what is wrong. */
  | { readonly success: false; readonly problems: string };

export type Path = readonly PropertyKey[];

/**
 * Parses what comes from outside. Pure. Values are never repeated in a problem: a field may hold a secret. Said are the field,
 * of which kind its value is, and what it has to be.
 *
 * @param nameOf what people call the field at a path; empty for what needs no name
 */
export function parse<T>(schema: Schema<T>, value: unknown, nameOf: (path: Path) => string = fieldAt): Parsed<T> {
  // zod/mini brings no messages of its own, and those of zod say neither the value's kind nor, often, what to do.
  const parsed = z.safeParse(schema, value, { error: inWords });
  if (parsed.success) return parsed;
  const problems = parsed.error.issues.map(({ path, message }) => sentence(nameOf(path), message));
  return { success: false, problems: problems.join(" ") };
}

/** `<field>: <problem>.`, or the problem alone where no field has to be named. */
export function sentence(field: string, problem: string): string {
  return field === "" ? `${problem.charAt(0).toUpperCase()}${problem.slice(1)}.` : `${field}: ${problem}.`;
}

// --- internal ---

function fieldAt(path: Path): string {
  return path.length > 0 ? `Field ${path.join(".")}` : "";
}

/** What a schema says of itself goes before this. */
function inWords(issue: z.core.$ZodRawIssue): string {
  const wanted = wantedBy(issue);
  if (issue.input === undefined) return wanted === undefined ? "is missing" : `is missing: it must ${wanted}`;
  if (issue.code === "unrecognized_keys") {
    const names = issue.keys.map((key) => `"${key}"`).join(", ");
    return `there is no field ${names} here: correct the name, or take it out`;
  }
  if (wanted === undefined) return "is not what may be here";
  return issue.code === "invalid_type" ? `must ${wanted}, and is ${kindOf(issue.input)}` : `must ${wanted}`;
}

/** Goes on after "must". */
function wantedBy(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case "invalid_type":
      return KINDS[issue.expected] && `be ${KINDS[issue.expected]}`;
    case "invalid_value":
      return `be ${issue.values.length > 1 ? "one of " : ""}${issue.values.map((each) => JSON.stringify(each)).join(", ")}`;
    case "too_small":
      if (issue.origin !== "number" && issue.minimum === 1) return "not be empty";
      return `${MEASURES[issue.origin] ?? "be"} at least ${issue.minimum}${UNITS[issue.origin] ?? ""}`;
    case "too_big":
      return `${MEASURES[issue.origin] ?? "be"} at most ${issue.maximum}${UNITS[issue.origin] ?? ""}`;
    case "invalid_format":
      return issue.format === "starts_with" ? `begin with "${issue["prefix"]}"` : FORMATS[issue.format];
    default:
      return undefined;
  }
}

const KINDS: Readonly<Record<string, string>> = {
  string: "a text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "a list",
  object: "an object",
  record: "an object",
};
const MEASURES: Readonly<Record<string, string>> = { string: "have", array: "have" };
const UNITS: Readonly<Record<string, string>> = { string: " characters", array: " entries" };
const FORMATS: Readonly<Record<string, string>> = {
  datetime: 'be an ISO 8601 time in UTC, such as "2026-12-20T00:00:00Z"',
  url: "be a URL",
};

function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return KINDS["array"] as string;
  if (typeof value === "number")
    return Number.isNaN(value) ? "no number" : Number.isInteger(value) ? "a number" : "a fraction";
  return KINDS[typeof value] ?? "something else";
}
