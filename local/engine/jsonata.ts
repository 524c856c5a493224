import { createHash, randomUUID } from "node:crypto";
import jsonata from "jsonata";

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** What an expression can see. */
export interface EvaluationScope {
  /** $states: input, context, and result or errorOutput where they exist. */
  readonly states: Readonly<Record<string, unknown>>;
  readonly variables: Readonly<Record<string, Json>>;
}

export type ResultType = "number" | "string" | "boolean" | "array";

interface ResultTypes {
  number: number;
  string: string;
  boolean: boolean;
  array: Json[];
}

/** An expression failed, or gave what its field does not take. `message` is AWS's text, as recorded. */
export class EvaluationError extends Error {
  /** The field, such as "Output/result"; absent when no field is at fault. */
  readonly location: string | undefined;

  constructor(message: string, location?: string) {
    super(message);
    this.location = location;
  }
}

export interface Evaluator {
  /** Replaces every "{% %}" string inside `template` by its value. @throws EvaluationError */
  evaluate(template: Json, field: string, scope: EvaluationScope): Promise<Json>;
  /** The same, for a field that takes one type only. @throws EvaluationError */
  evaluateAs<T extends ResultType>(
    type: T,
    template: Json,
    field: string,
    scope: EvaluationScope,
  ): Promise<ResultTypes[T]>;
}

export interface EvaluatorOptions {
  /** Milliseconds since the epoch, for $now and $millis. */
  now(): number;
  /** In [0, 1), for $random. */
  random(): number;
}

export function createEvaluator(options: EvaluatorOptions): Evaluator {
  const compiled = new Map<string, jsonata.Expression>();
  const functions = Object.entries(stepFunctionsFunctions(options));

  async function evaluateExpression(expression: string, field: string, scope: EvaluationScope): Promise<Json> {
    const source = expressionSource(expression);
    const refuse = (reason: string) =>
      new EvaluationError(`The JSONata expression '${source}' specified for the field '${field}' ${reason}`, field);
    let value: unknown;
    try {
      let program = compiled.get(source);
      if (program === undefined) {
        program = jsonata(source);
        for (const [name, run] of functions) program.assign(name, run);
        compiled.set(source, program);
      }
      value = await program.evaluate(undefined, { ...scope.variables, states: scope.states });
    } catch (error) {
      const { code, message } = error as { code?: string; message?: string };
      throw refuse(`threw an error during evaluation. ${code === undefined ? "" : `${code}: `}${message}`);
    }
    if (value === undefined) throw refuse("returned nothing (undefined).");
    if (isFunction(value)) throw refuse("returned an unsupported result type.");
    return plain(value);
  }

  async function evaluate(template: Json, field: string, scope: EvaluationScope): Promise<Json> {
    if (typeof template === "string") {
      return isExpression(template) ? await evaluateExpression(template, field, scope) : template;
    }
    if (Array.isArray(template)) {
      const items: Json[] = [];
      for (const [index, item] of template.entries()) items.push(await evaluate(item, `${field}[${index}]`, scope));
      return items;
    }
    if (template !== null && typeof template === "object") {
      const members: Record<string, Json> = {};
      for (const [key, value] of Object.entries(template)) {
        members[key] = await evaluate(value, `${field}/${key}`, scope);
      }
      return members;
    }
    return template;
  }

  return {
    evaluate,
    async evaluateAs<T extends ResultType>(type: T, template: Json, field: string, scope: EvaluationScope) {
      const value = await evaluate(template, field, scope);
      if (typeName(value) === type) return value as ResultTypes[T];
      const source =
        typeof template === "string" && isExpression(template) ? expressionSource(template) : JSON.stringify(template);
      throw new EvaluationError(
        `The JSONata expression '${source}' specified for the field '${field}' returned an unexpected result type. ` +
          `Expected '${type}', but was '${typeName(value)}' for value: ${JSON.stringify(value)}`,
        field,
      );
    },
  };
}

export function isExpression(text: string): boolean {
  return text.length >= 4 && text.startsWith("{%") && text.endsWith("%}");
}

/** The JSONata between "{%" and "%}". */
export function expressionSource(expression: string): string {
  return expression.slice(2, -2).trim();
}

/**
 * What Step Functions adds to JSONata, and takes from it: $partition, $range, $hash, $random, $uuid and $parse; no $eval
 * (AWS, "Transforming data with JSONata in Step Functions"). Time is the account's.
 */
function stepFunctionsFunctions({ now, random }: EvaluatorOptions): Record<string, unknown> {
  const formatted = jsonata("$fromMillis(milliseconds, picture, timezone)");
  return {
    partition: (items: readonly Json[], size: number) =>
      Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
        items.slice(index * size, (index + 1) * size),
      ),
    range: (first: number, last: number, step: number) =>
      Array.from({ length: Math.max(0, Math.floor((last - first) / step) + 1) }, (_, index) => first + index * step),
    hash: (text: string, algorithm: string) =>
      createHash(algorithm.replace("-", "").toLowerCase()).update(text).digest("hex"),
    random: (seed?: number) => (seed === undefined ? random() : seeded(seed)),
    uuid: () => randomUUID(),
    parse: (text: string) => JSON.parse(text),
    now: (picture?: string, timezone?: string) =>
      picture === undefined
        ? new Date(now()).toISOString()
        : formatted.evaluate({ milliseconds: now(), picture, timezone }),
    millis: () => now(),
    eval: () => {
      throw Object.assign(new Error("Attempted to invoke a non-function"), { code: "T1006" });
    },
  };
}

/** One number in [0, 1) per seed. */
function seeded(seed: number): number {
  return createHash("sha256").update(String(seed)).digest().readUInt32BE() / 2 ** 32;
}

function isFunction(value: unknown): boolean {
  if (typeof value === "function") return true;
  return typeof value === "object" && value !== null && ("_jsonata_lambda" in value || "_jsonata_function" in value);
}

/** Without the marks that JSONata leaves on its arrays. */
function plain(value: unknown): Json {
  return typeof value === "object" && value !== null ? JSON.parse(JSON.stringify(value)) : (value as Json);
}

function typeName(value: Json): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "array" : typeof value;
}
