import { z } from "zod";
import {
  LAMBDA_INVOKE,
  LAMBDA_INVOKE_FOR_TOKEN,
  type State,
  type StateGraph,
  type StateMachineDefinition,
} from "./definition.ts";
import { isExpression, type Json } from "./jsonata.ts";

/** Names what is valid on AWS and does not run here; everything else is left to the schema. */
export function refusals(definition: unknown): string[] {
  return refusedIn(definition, "", "JSONPath");
}

/** The value as a definition, or what is wrong with its shape. */
export function parseShape(
  value: unknown,
): { definition: StateMachineDefinition } | { definition?: undefined; problems: string[] } {
  const parsed = definitionSchema.safeParse(value);
  return parsed.success ? { definition: parsed.data } : { problems: parsed.error.issues.flatMap(describe) };
}

// --- internal ---

const JSONPATH_FIELDS = new Set([
  ..."InputPath OutputPath ResultPath Parameters ResultSelector Result ItemsPath Iterator".split(" "),
  ..."Variable SecondsPath TimestampPath TimeoutSecondsPath HeartbeatSecondsPath MaxConcurrencyPath".split(" "),
  ..."ErrorPath CausePath ToleratedFailureCountPath ToleratedFailurePercentagePath".split(" "),
]);

/** Fields of AWS's language that this account does not run, and the feature each one belongs to. */
const FOREIGN_FIELDS: Readonly<Record<string, string>> = {
  Credentials: "cross-account tasks",
  ItemReader: "Distributed Map",
  ItemBatcher: "Distributed Map",
  ResultWriter: "Distributed Map",
  Label: "Distributed Map",
  ToleratedFailureCount: "Distributed Map",
  ToleratedFailurePercentage: "Distributed Map",
};

function refusedIn(graph: unknown, at: string, inherited: string): string[] {
  const machine = asObject(graph);
  const language = typeof machine.QueryLanguage === "string" ? machine.QueryLanguage : inherited;
  return Object.entries(asObject(machine.States)).flatMap(([name, value]) => {
    const state = asObject(value);
    const here = `${at}/States/${name}`;
    const problems: string[] = [];
    const refuse = (text: string, field?: string) =>
      problems.push(`UNSUPPORTED: ${text} at ${field === undefined ? here : `${here}/${field}`}`);

    for (const field of [...Object.keys(state), ...rules(state).flatMap(Object.keys)]) {
      const feature = FOREIGN_FIELDS[field];
      if (JSONPATH_FIELDS.has(field)) refuse(`The JSONPath field '${field}' is not supported`, field);
      else if (feature !== undefined) refuse(`The field '${field}' (${feature}) is not supported`, field);
    }
    const own = typeof state.QueryLanguage === "string" ? state.QueryLanguage : language;
    if (own !== "JSONata") refuse(`The query language '${own}' is not supported, only 'JSONata' is`, "QueryLanguage");
    if (state.Type === "Task" && typeof state.Resource === "string") {
      const { Resource } = state;
      if (Resource !== LAMBDA_INVOKE && Resource !== LAMBDA_INVOKE_FOR_TOKEN) {
        refuse(
          `The resource '${Resource}' is not supported, only '${LAMBDA_INVOKE}' is, with or without '.waitForTaskToken'`,
          "Resource",
        );
      }
    }
    for (const [index, branch] of (Array.isArray(state.Branches) ? state.Branches : []).entries()) {
      problems.push(...refusedIn(branch, `${here}/Branches[${index}]`, language));
    }
    if (state.Type === "Map") {
      const mode = asObject(asObject(state.ItemProcessor).ProcessorConfig).Mode;
      if (mode === "DISTRIBUTED") refuse("Distributed Map is not supported", "ItemProcessor/ProcessorConfig");
      problems.push(...refusedIn(state.ItemProcessor, `${here}/ItemProcessor`, language));
    }
    return problems;
  });
}

function rules(state: Readonly<Record<string, unknown>>): object[] {
  return [state.Choices, state.Catch].flatMap((list) => (Array.isArray(list) ? list.map(asObject) : []));
}

function asObject(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

const expression = z.string().refine(isExpression, "a JSONata expression '{% %}' is needed");
const json = z.json() as z.ZodType<Json>;
const name = z.string().min(1).max(80);
const errorNames = z.array(z.string()).min(1);
const seconds = z.number().int().min(1).max(99_999_999);

const common = { Comment: z.string().optional(), QueryLanguage: z.literal("JSONata").optional() };
const leaving = { Assign: z.record(z.string(), json).optional(), Output: json.optional() };
const onward = { Next: name.optional(), End: z.boolean().optional() };
const catching = {
  Retry: z
    .array(
      z.strictObject({
        Comment: z.string().optional(),
        ErrorEquals: errorNames,
        IntervalSeconds: seconds.optional(),
        BackoffRate: z.number().min(1).optional(),
        MaxAttempts: z.number().int().min(0).max(99_999_999).optional(),
        MaxDelaySeconds: z.number().int().min(1).max(31_622_400).optional(),
        JitterStrategy: z.enum(["FULL", "NONE"]).optional(),
      }),
    )
    .optional(),
  Catch: z
    .array(z.strictObject({ Comment: z.string().optional(), ErrorEquals: errorNames, Next: name, ...leaving }))
    .optional(),
};

const stateSchema = z.discriminatedUnion("Type", [
  z.strictObject({
    Type: z.literal("Task"),
    ...common,
    ...leaving,
    ...onward,
    ...catching,
    Resource: z.string(),
    Arguments: json.optional(),
    TimeoutSeconds: seconds.or(expression).optional(),
    HeartbeatSeconds: seconds.or(expression).optional(),
  }),
  z.strictObject({
    Type: z.literal("Parallel"),
    ...common,
    ...leaving,
    ...onward,
    ...catching,
    Arguments: json.optional(),
    Branches: z.array(z.lazy(() => branchSchema)).min(1),
  }),
  z.strictObject({
    Type: z.literal("Map"),
    ...common,
    ...leaving,
    ...onward,
    ...catching,
    Items: z.array(json).or(expression).optional(),
    ItemSelector: json.optional(),
    MaxConcurrency: z.number().int().min(0).or(expression).optional(),
    ItemProcessor: z.lazy(() => processorSchema),
  }),
  z.strictObject({
    Type: z.literal("Choice"),
    ...common,
    ...leaving,
    Choices: z
      .array(
        z.strictObject({
          Comment: z.string().optional(),
          Condition: z.boolean().or(expression),
          Next: name,
          ...leaving,
        }),
      )
      .min(1),
    Default: name.optional(),
  }),
  z.strictObject({
    Type: z.literal("Wait"),
    ...common,
    ...leaving,
    ...onward,
    Seconds: z.number().int().min(0).max(99_999_999).or(expression).optional(),
    Timestamp: z.string().optional(),
  }),
  z.strictObject({ Type: z.literal("Pass"), ...common, ...leaving, ...onward }),
  z.strictObject({ Type: z.literal("Succeed"), ...common, Output: json.optional() }),
  z.strictObject({
    Type: z.literal("Fail"),
    ...common,
    Error: z.string().optional(),
    Cause: z.string().optional(),
  }),
]) as z.ZodType<State>;

const graph = { Comment: z.string().optional(), StartAt: name, States: z.record(name, stateSchema) };

const branchSchema: z.ZodType<StateGraph> = z.strictObject(graph);

const processorSchema: z.ZodType<StateGraph> = z.strictObject({
  ...graph,
  ProcessorConfig: z.strictObject({ Mode: z.literal("INLINE").optional() }).optional(),
});

const definitionSchema: z.ZodType<StateMachineDefinition> = z.strictObject({
  ...graph,
  QueryLanguage: z.enum(["JSONata", "JSONPath"]).optional(),
  Version: z.literal("1.0").optional(),
  TimeoutSeconds: seconds.optional(),
});

/** One fault of the schema, in AWS's form. */
function describe(issue: z.core.$ZodIssue): string[] {
  const at = `/${issue.path.map(String).join("/")}`;
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => `SCHEMA_VALIDATION_FAILED: Field '${key}' is not supported at ${at}`);
  }
  if (issue.code === "invalid_type" && issue.input === undefined && issue.message.endsWith("received undefined")) {
    const parent = `/${issue.path.slice(0, -1).map(String).join("/")}`;
    return [`SCHEMA_VALIDATION_FAILED: These fields are required: [${String(issue.path.at(-1))}] at ${parent}`];
  }
  return [`SCHEMA_VALIDATION_FAILED: ${issue.message} at ${at}`];
}
