import { stripVTControlCharacters } from "node:util";
import type { Colors } from "./run-text.ts";

/** Columns as wide as their widest cell; colours take up no room. Pure. */
export function renderTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  colors: Colors,
): readonly string[] {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => widthOf(row[column] ?? ""))));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => cell + " ".repeat(Math.max(0, (widths[column] ?? 0) - widthOf(cell))))
      .join("  ")
      .trimEnd();
  return [colors.dim(line(head)), ...rows.map(line)];
}

function widthOf(text: string): number {
  return stripVTControlCharacters(text).length;
}
