import { wrap } from "./text.ts";

const COLUMNS = 76;
const INDENT = 12;

/**
 * A message of plain text: the verdict, an empty line, and the fields. Of 76 columns; only what is longer than a line by
 * itself, such as an ARN, goes beyond: it stays whole, so that it can be copied.
 */
export function page(verdict: string, fields: readonly (readonly string[])[]): string {
  return `${[...wrap(verdict.split(" "), COLUMNS), "", ...fields.flat()].join("\n")}\n`;
}

export function field(label: string, text: string): readonly string[] {
  const indent = text.startsWith("  ") ? "  " : "";
  const words = text.split(" ").filter((word) => word !== "");
  return lines(
    label,
    wrap(words, COLUMNS - INDENT - indent.length).map((line) => `${indent}${line}`),
  );
}

/** Both, or those that there are. */
export function runbooks(links: {
  readonly runbook: string | null;
  readonly errorRunbook: string | null;
}): readonly (readonly string[])[] {
  const all = [links.errorRunbook, links.runbook].filter((link) => link !== null);
  return all.map((link, index) => field(index === 0 ? "Runbook" : "", link));
}

/** A command for a shell, to be pasted as it is: the shell puts its lines together. */
export function commandField(label: string, command: string): readonly string[] {
  const all = wrap(command.match(/(?:'[^']*'|[^\s'])+/g) ?? [], COLUMNS - INDENT - 4);
  return lines(
    label,
    all.map((line, index) => `${index === 0 ? "" : "  "}${line}${index === all.length - 1 ? "" : " \\"}`),
  );
}

function lines(label: string, all: readonly string[]): readonly string[] {
  return all.map((line, index) => `${(index === 0 ? label : "").padEnd(INDENT)}${line}`.trimEnd());
}
