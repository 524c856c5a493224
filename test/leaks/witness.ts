import type { Patch } from "../support/patched-bundles.ts";

/** The variable that names the file in which functions write down what only they see. */
export const WITNESS = "ROTOR_WITNESS";

/**
 * What only a function itself sees, put on record: the errors that core functions throw, with all of their properties and causes, before
 * the boundary makes them public ones; and after each invocation the process as it is.
 */
export const instrumentation: readonly Patch[] = [
  {
    file: "core/handler.ts",
    from: "      const thrown = toRotationError(name, error);",
    to: `      witness("error", ...chainOf(error));
      const thrown = toRotationError(name, error);`,
  },
  {
    file: "core/handler.ts",
    from: `      throw thrown;
    }`,
    to: `      throw thrown;
    } finally {
      const { env, argv, execArgv, title } = process;
      witness("process", { env, argv, execArgv, title });
    }`,
  },
  {
    file: "core/handler.ts",
    from: "function causeNames(error: Error)",
    to: `function chainOf(error: any): unknown[] {
  const chain: unknown[] = [];
  for (let each = error; each !== undefined && each !== null && chain.length < 100; each = each.cause) {
    chain.push(each, ...(typeof each === "object" ? Reflect.ownKeys(each).map((key) => each[key]) : []));
  }
  return chain;
}

function witness(kind: string, ...values: unknown[]) {
  const { inspect } = process.getBuiltinModule("node:util");
  const texts = values.map((value) =>
    inspect(value, { depth: Infinity, maxArrayLength: null, maxStringLength: null, breakLength: Infinity }));
  const line = JSON.stringify({ kind, texts }) + "\\n";
  process.getBuiltinModule("node:fs").appendFileSync(process.env["${WITNESS}"] ?? "", line);
}

function causeNames(error: Error)`,
  },
];
