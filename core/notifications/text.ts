/** Characters that may not reach a reader: controls, invisible format marks (bidi among them), separators of lines. */
const UNSAFE = /[\p{C}\p{Zl}\p{Zp}\s]+/gu;

/** Text of others on one line, cut to `length` characters. */
export function clean(text: string, length: number): string {
  const line = [...text.replace(UNSAFE, " ").trim()];
  return line.length <= length ? line.join("") : `${line.slice(0, Math.max(0, length - 3)).join("")}...`;
}

/** A name or id, of printable ASCII only: that is all that AWS allows in them. */
export function identifier(text: string, length: number): string {
  return clean(text, length).replace(/[^\x20-\x7e]/g, "?");
}

/** Keeps both ends, which tell names apart. */
export function cutMiddle(text: string, length: number): string {
  if (text.length <= length) return text;
  const head = Math.ceil((length - 3) / 2);
  return `${text.slice(0, head)}...${text.slice(text.length - (length - 3 - head))}`;
}

/** The first block of a version id: enough to tell the versions of one secret apart. */
export function shortId(versionId: string): string {
  return identifier(versionId, 200).slice(0, 8);
}

/** "2026-11-23 02:00:20 UTC"; a text that is no time is not repeated. */
export function time(iso: string): string {
  const date = new Date(iso);
  return Number.isNaN(date.getTime())
    ? "a time that is not known"
    : `${date.toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

/** Milliseconds between two ISO 8601 times; undefined unless both are known and in order. */
export function between(from: string | null | undefined, to: string | null | undefined): number | undefined {
  const milliseconds = Date.parse(to ?? "") - Date.parse(from ?? "");
  return milliseconds >= 0 ? milliseconds : undefined;
}

export function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? "" : "s"}`;
}

/** Breaks between words. One that is longer than the line, such as an ARN, stays whole, so that it can be copied. */
export function wrap(words: readonly string[], columns: number): readonly string[] {
  const lines: string[] = [];
  for (const word of words) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= columns) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}
