import type { Schema } from "../../core/parse.ts";

/** A place in a value that holds no further fields. `path` has "[]" for each entry of a list, and "{}" for each of a record. */
export interface Field {
  readonly path: string;
  /** As zod calls it: "string", "int", "enum". */
  readonly kind: string;
}

/**
 * Every field of a schema, from the schema itself, so that a new one cannot be overlooked by a test that goes through them.
 * @throws Error for a kind of schema that is not known here: whoever brings it in says how to look into it
 */
export function fieldsOf(schema: Schema, path = ""): readonly Field[] {
  const found = leaves(schema, path);
  return found.filter((field, index) => found.findIndex((other) => other.path === field.path) === index);
}

/** The names at the top, of an object or of every member of a union. */
export function keysOf(schema: Schema): readonly string[] {
  return [...new Set(fieldsOf(schema).map(({ path }) => path.split(/[.[{]/)[0] ?? ""))];
}

interface Definition {
  readonly type: string;
  readonly shape?: Readonly<Record<string, Schema>>;
  readonly innerType?: Schema;
  readonly in?: Schema;
  readonly element?: Schema;
  readonly options?: readonly Schema[];
  readonly valueType?: Schema;
}

const LEAVES = ["string", "number", "int", "boolean", "enum", "literal", "unknown"];

function leaves(schema: Schema, path: string): readonly Field[] {
  const { type, shape, innerType, element, options, valueType, in: input } = schema._zod.def as Definition;
  if (LEAVES.includes(type)) return [{ path, kind: type }];
  if (shape !== undefined) {
    return Object.entries(shape).flatMap(([key, each]) => leaves(each, path === "" ? key : `${path}.${key}`));
  }
  const inner = innerType ?? input;
  if (inner !== undefined) return leaves(inner, path);
  if (element !== undefined) return leaves(element, `${path}[]`);
  if (options !== undefined) return options.flatMap((each) => leaves(each, path));
  if (valueType !== undefined) return leaves(valueType, `${path}{}`);
  throw new Error(`A schema of type ${type} at ${path} has fields that are not known here.`);
}
