import type { Path } from "./parse.ts";

/**
 * Where something is in `rotation.config.ts`: `policies[57] ("orders/db").dependents[0] ("api").target`. An entry is told by its
 * place in the list, from 0, and by what people call it, where it is called something that looks like a name. Pure.
 *
 * @param policies the list, as it was written
 */
export function policyField(policies: unknown, path: Path): string {
  return path.length === 0 ? DEFAULT_EXPORT : `policies${fieldIn(policies, path)}`;
}

/** Where something is in `deployment.config.ts`: `network.postgresql.subnetIds[0]`. Pure. */
export function settingField(path: Path): string {
  return path.length === 0 ? DEFAULT_EXPORT : fieldIn(undefined, path).replace(/^\./, "");
}

// --- internal ---

const DEFAULT_EXPORT = "The default export";

function fieldIn(whole: unknown, path: Path): string {
  let field = "";
  let value = whole;
  for (const key of path) {
    value = isObject(value) ? value[key] : undefined;
    if (typeof key === "number") field += `[${key}]${called(value)}`;
    else field += /^\w+$/.test(String(key)) ? `.${String(key)}` : `[${JSON.stringify(key)}]`;
  }
  return field;
}

function called(entry: unknown): string {
  if (!isObject(entry)) return "";
  const name = entry["secretId"] ?? entry["name"];
  return typeof name === "string" && /^[A-Za-z0-9/_+=.@!:-]{1,600}$/.test(name) ? ` ("${name}")` : "";
}

function isObject(value: unknown): value is Readonly<Record<PropertyKey, unknown>> {
  return typeof value === "object" && value !== null;
}
