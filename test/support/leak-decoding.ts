const BACKSLASH = 0x5c;
const PERCENT = 0x25;
const AMPERSAND = 0x26;
const QUOTE = 0x27;
const LETTER_U = 0x75;
const LETTER_X = 0x78;
/** What a backslash and a character stand for. */
const ESCAPES: ReadonlyMap<number, number> = new Map(
  ["b\b", "f\f", "n\n", "r\r", "t\t", '""', "''", "//", "\\\\", "``"].map((pair) => [
    pair.charCodeAt(0),
    pair.charCodeAt(1),
  ]),
);
const ENTITIES: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };
const LONGEST_ENTITY = 10;

/**
 * A text without one layer of escapes: those of JSON and JavaScript, of URLs, HTML and SQL, and without
 * what UTF-16 puts between the letters of ASCII. Nothing is refused: what is no escape stays as it is.
 * @returns undefined where there is nothing to decode
 */
export function decoded(codes: Uint16Array): Uint16Array | undefined {
  const output = new Uint16Array(codes.length);
  let length = 0;
  let at = 0;
  while (at < codes.length) {
    const code = codes[at] as number;
    const taken = isSpecial(code) ? escapeAt(codes, at, code) : undefined;
    if (taken === undefined) {
      output[length] = code;
      length += 1;
      at += 1;
    } else {
      at += taken.length;
      if (taken.code !== undefined) {
        output[length] = taken.code;
        length += 1;
      }
    }
  }
  return length === codes.length ? undefined : output.subarray(0, length);
}

interface Escape {
  /** How many characters it takes. */
  readonly length: number;
  /** What it stands for; absent for nothing. */
  readonly code?: number;
}

function isSpecial(code: number): boolean {
  return code === BACKSLASH || code === PERCENT || code === AMPERSAND || code === QUOTE || code === 0;
}

function escapeAt(codes: Uint16Array, at: number, code: number): Escape | undefined {
  switch (code) {
    case BACKSLASH:
      return backslashAt(codes, at);
    case PERCENT: {
      const value = hexAt(codes, at + 1, 2);
      return value === undefined ? undefined : { length: 3, code: value };
    }
    case AMPERSAND:
      return entityAt(codes, at);
    case QUOTE:
      return codes[at + 1] === QUOTE ? { length: 2, code: QUOTE } : undefined;
    default:
      return { length: 1 };
  }
}

function backslashAt(codes: Uint16Array, at: number): Escape | undefined {
  const next = codes[at + 1] ?? 0;
  if (next === LETTER_U || next === LETTER_X) {
    const digits = next === LETTER_U ? 4 : 2;
    const code = hexAt(codes, at + 2, digits);
    return code === undefined ? undefined : { length: 2 + digits, code };
  }
  const code = ESCAPES.get(next);
  return code === undefined ? undefined : { length: 2, code };
}

function entityAt(codes: Uint16Array, at: number): Escape | undefined {
  const text = String.fromCharCode(...codes.subarray(at + 1, at + LONGEST_ENTITY));
  const [whole, decimal, hex, name = ""] = /^(?:#(\d{1,5})|#x([\da-f]{1,4})|([a-z]{2,4}));/i.exec(text) ?? [];
  if (whole === undefined) return undefined;
  const code = decimal ? Number(decimal) : hex ? Number.parseInt(hex, 16) : ENTITIES[name.toLowerCase()]?.charCodeAt(0);
  return code === undefined ? undefined : { length: 1 + whole.length, code };
}

function hexAt(codes: Uint16Array, at: number, digits: number): number | undefined {
  if (at + digits > codes.length) return undefined;
  let value = 0;
  for (let index = at; index < at + digits; index += 1) {
    const digit = digitOf(codes[index] as number);
    if (digit === undefined) return undefined;
    value = value * 16 + digit;
  }
  return value;
}

function digitOf(code: number): number | undefined {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : undefined;
}
