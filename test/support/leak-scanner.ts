import { decoded } from "./leak-decoding.ts";

/** Finds secrets in texts. @returns how each that is in the text is written there: "as it is", "piece", "base64", ... */
export type LeakScanner = (text: string) => readonly string[];

/** Whoever has eight characters of a random password needs no more. What is shorter as a whole cannot be told from other text. */
export const LEAST = 8;

/**
 * Looks for all secrets at once, in one pass over a text as it stands and one more over what it is decoded to: escaped as JSON
 * (up to three times), for URLs (whole or in part), HTML or SQL, or in UTF-16. Hex, base64 and bytes in decimal are looked for
 * as such, at each alignment. Of what looks random eight characters suffice; all else is looked for as a whole.
 */
export function leakScanner(secrets: readonly string[]): LeakScanner {
  const patterns = new Map<string, Pattern[]>();
  const filter = new Uint8Array(FILTER);
  for (const secret of new Set(secrets)) {
    for (const pattern of patternsOf(secret)) add(pattern);
  }
  if (patterns.size === 0) return () => [];
  return (text) => {
    const found = new Set<string>();
    let codes: Uint16Array | undefined = codesOf(text);
    for (let pass = 0; pass < PASSES && codes !== undefined; pass += 1) {
      search(codes, found);
      codes = decoded(codes);
    }
    return [...found];
  };

  function add(pattern: Pattern): void {
    const anchor = pattern.text.slice(0, LEAST);
    const known = patterns.get(anchor);
    if (known === undefined) patterns.set(anchor, [pattern]);
    else known.push(pattern);
    let hash = 0;
    for (let at = 0; at < LEAST; at += 1) hash = (Math.imul(hash, BASE) + anchor.charCodeAt(at)) | 0;
    filter[hash >>> SHIFT] = 1;
  }

  /** A rolling hash over eight characters: what the filter lets pass is compared. */
  function search(codes: Uint16Array, found: Set<string>): void {
    let hash = 0;
    for (let at = 0; at < codes.length; at += 1) {
      hash = (Math.imul(hash, BASE) + (codes[at] as number)) | 0;
      if (at >= LEAST) hash = (hash - Math.imul(codes[at - LEAST] as number, OLDEST)) | 0;
      if (filter[hash >>> SHIFT] === 1 && at >= LEAST - 1) compare(codes, at - LEAST + 1, found);
    }
  }

  function compare(codes: Uint16Array, start: number, found: Set<string>): void {
    const candidates = patterns.get(String.fromCharCode(...codes.subarray(start, start + LEAST)));
    for (const { text, form } of candidates ?? []) {
      if (startsWith(codes, start, text)) found.add(form);
    }
  }
}

// --- what one secret may look like ---

interface Pattern {
  readonly text: string;
  readonly form: string;
}

function patternsOf(secret: string): readonly Pattern[] {
  const bytes = Buffer.from(secret, "utf8");
  const random = looksRandom(secret);
  const shown: Pattern[] = [];
  const show = (form: string, text: string, piece: number, step = 1) => {
    if (text.length < LEAST) return;
    shown.push({ form, text });
    if (!random) return;
    for (let at = 0; at + piece <= text.length; at += step) shown.push({ form, text: text.slice(at, at + piece) });
  };
  show("as it is", secret, Number.POSITIVE_INFINITY);
  // A secret that has an escape in it is changed by the decoding, too.
  const changed = decoded(codesOf(secret));
  if (changed !== undefined) show("as it is", textOf(changed), Number.POSITIVE_INFINITY);
  if (bytes.length !== secret.length) show("as its bytes", bytes.toString("latin1"), Number.POSITIVE_INFINITY);
  if (secret.includes(" ")) show("as a form", secret.replaceAll(" ", "+"), Number.POSITIVE_INFINITY);
  for (let at = 0; at + LEAST <= secret.length; at += 1) {
    const text = secret.slice(at, at + LEAST);
    if (looksRandom(text)) shown.push({ form: "a piece", text });
  }
  const hex = bytes.toString("hex");
  show("hex", hex, 2 * LEAST, 2);
  show("hex", hex.toUpperCase(), 2 * LEAST, 2);
  show("bytes in hex", hex.replace(/..(?!$)/g, "$& "), 3 * LEAST - 1, 3);
  shown.push({ form: "bytes in decimal", text: bytes.join(",") });
  for (const base64 of alignments(bytes)) {
    show("base64", base64, BASE64_PIECE);
    const url = base64.replaceAll("+", "-").replaceAll("/", "_");
    if (url !== base64) show("base64url", url, BASE64_PIECE);
  }
  return shown;
}

/** Base64 of a longer text shows a part of it at one of three alignments; the characters at its ends depend on its neighbours. */
function alignments(bytes: Buffer): readonly string[] {
  return [0, 1, 2].map((shift) => {
    const encoded = Buffer.concat([Buffer.alloc(shift), bytes])
      .toString("base64")
      .replace(/=+$/, "");
    const whole = (shift + bytes.length) % 3 === 0;
    return encoded.slice(shift === 0 ? 0 : shift + 1, whole ? undefined : -1);
  });
}

/** Words, UUIDs and hashes in hex have no upper case, lower case and digits next to each other. */
function looksRandom(text: string): boolean {
  return /[A-Z]/.test(text) && /[a-z]/.test(text) && /\d/.test(text);
}

// --- internal ---

const PASSES = 4;
/** Eight characters are in any twelve of base64, whatever the alignment, but for a bit or two. */
const BASE64_PIECE = 11;
const FILTER = 1 << 18;
const SHIFT = 32 - 18;
const BASE = 0x01000193;
const OLDEST = [...Array(LEAST)].reduce((power: number) => Math.imul(power, BASE), 1);

function codesOf(text: string): Uint16Array {
  const bytes = Buffer.from(text, "utf16le");
  // A small buffer is a part of a shared one, and may begin at an odd place.
  const own =
    bytes.byteOffset % 2 === 0
      ? bytes
      : Buffer.from(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
  return new Uint16Array(own.buffer, own.byteOffset, text.length);
}

function textOf(codes: Uint16Array): string {
  return Buffer.from(codes.buffer, codes.byteOffset, codes.byteLength).toString("utf16le");
}

function startsWith(codes: Uint16Array, start: number, text: string): boolean {
  if (start + text.length > codes.length) return false;
  for (let at = LEAST; at < text.length; at += 1) if (codes[start + at] !== text.charCodeAt(at)) return false;
  return true;
}
