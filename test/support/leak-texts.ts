/**
 * Every text in anything, once: members and their names, own properties that are not enumerable and causes of errors, bytes. A text
 * that is JSON is taken apart, too, so that what was written down in ten places is looked through once. However deep it is nested: a
 * list of what is still to be looked into has no end, as the stack has.
 */
export function textsIn(...values: readonly unknown[]): string {
  const texts = new Set<string>();
  const known = new Set<unknown>();
  const open = [...values];
  while (open.length > 0) collect(open.pop());
  return [...texts].join("\n");

  function collect(value: unknown): void {
    if (known.has(value)) return;
    if (typeof value === "string") collectText(value);
    else if (typeof value === "number") texts.add(String(value));
    else if (typeof value === "object" && value !== null) collectMembers(value);
  }

  function collectText(text: string): void {
    known.add(text);
    const parsed = /^\s*["[{]/.test(text) ? parse(text) : undefined;
    // Long numbers lose digits in parsing.
    if (parsed === undefined || LONG_NUMBER.test(text)) texts.add(text);
    open.push(parsed);
  }

  function collectMembers(value: object): void {
    known.add(value);
    if (value instanceof Uint8Array) texts.add(Buffer.from(value).toString("latin1"));
    // As bytes are written in JSON.
    else if (isNumbers(value)) texts.add(value.join(","));
    else if (value instanceof Map || value instanceof Set) for (const each of value) open.push(each);
    else {
      for (const name of Reflect.ownKeys(value)) {
        if (typeof name === "string" && !Array.isArray(value)) texts.add(name);
        open.push((value as Readonly<Record<PropertyKey, unknown>>)[name]);
      }
    }
  }
}

const LONG_NUMBER = /\d{16}/;

function isNumbers(value: object): value is readonly number[] {
  return Array.isArray(value) && value.length > 0 && value.every((each) => typeof each === "number");
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
