/** Lines for a shell, and what README.md shows of what they write. */
export interface Part {
  readonly commands: readonly string[];
  readonly shown: readonly string[];
}

/** The blocks of a section: each of commands, and what is shown right after it. */
export function partsOf(page: string, section: string): readonly Part[] {
  const [, after = ""] = page.split(`\n## ${section}\n`);
  const [own = ""] = after.split("\n## ");
  const parts: { commands: string[]; shown: string[] }[] = [];
  for (const [, language, text = ""] of own.matchAll(/^```(\w+)\n(.*?)\n```$/gms)) {
    if (language === "sh") parts.push({ commands: text.split("\n"), shown: [] });
    else parts.at(-1)?.shown.push(...text.split("\n"));
  }
  return parts;
}

/**
 * What is shown and was not written, as whole lines and in this order. Of ids, times and addresses the form counts, of runs of
 * spaces nothing. "..." stands for any lines, and at the end of a line for its rest.
 */
export function notWritten(shown: readonly string[], output: string): readonly string[] {
  const lines = output.split("\n");
  let from = 0;
  return shown.filter((each) => {
    if (each === "...") return false;
    const pattern = patternOf(each);
    const at = lines.findIndex((line, index) => index >= from && pattern.test(line));
    if (at >= 0) from = at + 1;
    return at < 0;
  });
}

// --- internal ---

const ID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|\\b[0-9a-f]{8}\\b";
const DURATION = "\\b\\d+(?:\\.\\d+)? (?:ms|s|min|h|d)\\b";
const ADDRESS = "127\\.0\\.0\\.1:\\d+";
const VARYING = [ID, DURATION, ADDRESS];

function patternOf(line: string): RegExp {
  const rest = line.endsWith(" ...");
  const parts = (rest ? line.slice(0, -" ...".length) : line).split(new RegExp(`(${VARYING.join("|")}| +)`));
  const source = parts.map((part) => {
    if (/^ +$/.test(part)) return " +";
    return VARYING.find((form) => new RegExp(`^(?:${form})$`).test(part)) ?? literal(part);
  });
  return new RegExp(`^${source.map((each) => `(?:${each})`).join("")}${rest ? "" : "$"}`);
}

function literal(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
