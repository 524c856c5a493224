import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";

const ROOT = new URL("../../", import.meta.url);
const read = (path: string) => readFileSync(new URL(path, ROOT), "utf8");

interface Row {
  readonly number: string;
  readonly source: string;
  readonly aws: string;
  readonly tests: string;
}

const rows = read("docs/conformance.md")
  .split("\n")
  .filter((line) => /^\| \d/.test(line))
  .map((line): Row => {
    const [, number = "", , source = "", aws = "", tests = ""] = line.split(/ ?\| ?/);
    return { number, source, aws, tests };
  });

/** A file, and titles in it from the outermost: `labels` "a title" or `labels` "of a group" › "a title". */
const NAMED = /`([^`]+)` ("[^"]+"(?: › "[^"]+")*)/g;

describe("docs/conformance.md", () => {
  test("numbers its rules without a gap", () => {
    expect(rows.map(({ number }) => Number(number))).toEqual(rows.map((_, index) => index + 1));
    expect(rows.length).toBeGreaterThan(50);
  });

  test.each(rows)("rule $number: its tests exist, and what is not known of AWS says where it is decided", (row) => {
    const { source, aws, tests } = row;
    expect(tests.replace(NAMED, "").replaceAll("; ", "")).toBe("");
    for (const [, file = "", titles = ""] of tests.matchAll(NAMED)) {
      const text = read(file.endsWith(".test.ts") ? file : `test/local/secretsmanager-${file}.test.ts`);
      for (const title of titles.split(" › ")) expect(declares(text, title), `${file}: ${title}`).toBe(true);
    }
    expect(aws).toMatch(/^(documented|recorded|UNCONFIRMED)/);
    if (/^recorded/.test(aws)) expect(source).toMatch(/recorded/);
    if (aws.includes("UNCONFIRMED")) expect(aws).toMatch(/UNCONFIRMED: `.+`/);
    for (const [, name = "", file = ""] of aws.matchAll(/`(\w+)` in `(.+?)`/g)) {
      expect(read(`local/services/secretsmanager/${file}`)).toMatch(new RegExp(`\\b${name}\\b`));
    }
  });

  test("has every recorded transition", () => {
    const recorded = read("test/local/secretsmanager-recorded.test.ts");
    const [, table = ""] = /const RECORDED.* = \{\n(.*?)\n\};/s.exec(recorded) ?? [];
    const transitions = [...table.matchAll(/^ {2}"(.+)": \[$/gm)].map(([, title]) => title);
    expect(transitions.length).toBeGreaterThan(5);
    const named = rows.map(({ tests }) => tests).join("\n");
    for (const title of transitions) expect(named).toContain(`"${title}"`);
  });

  test("would not find a test that has another name", () => {
    const text = 'test("a label is on one version", () => {});';
    expect(declares(text, '"a label is on one version"')).toBe(true);
    expect(declares(text, '"a label is on"')).toBe(false);
    expect(declares(text, '"is on one version"')).toBe(false);
  });

  test("would not find a test that is skipped, or that is still to be written", () => {
    const title = '"a label is on one version"';
    const one = `test("another", () => {});\n`;
    for (const off of [
      "test.skip",
      "test.todo",
      "it.skip",
      "describe.skip",
      "test.concurrent.skip",
      "test.skip.each(rows)",
    ]) {
      expect(declares(`${one}${off}(${title}, () => {});`, title), off).toBe(false);
      expect(declares(`${one}${off}(\n  ${title},\n  () => {});`, title), off).toBe(false);
    }
    for (const on of ["test", "test.each(rows)", "describe", "test.skipIf(isMissing)"]) {
      expect(declares(`test.skip("another", () => {});\n${on}(${title}, () => {});`, title), on).toBe(true);
    }
    const group = `describe.skip("labels", () => {\n  test(${title}, () => {});\n});`;
    expect(declares(group, title)).toBe(false);
  });
});

/** The title of a test or group that runs, or a row of a table of them. */
function declares(text: string, title: string): boolean {
  // Which tests a group holds is not read: with one that is off, none of the file counts.
  if (/\bdescribe(\.\w+)*\.(skip|todo)\b/.test(text)) return false;
  return [`(${title}, `, `(\n  ${title},`, `  ${title}: [`].some((form) =>
    text
      .split(form)
      .slice(0, -1)
      .some((_, index, parts) => !isOff(parts.slice(0, index + 1).join(form))),
  );
}

/** Whether the last test or group that begins in the text is one that does not run. */
function isOff(before: string): boolean {
  const [, chain = ""] = [...before.matchAll(/^ *(?:test|it|describe)\b((?:\.\w+)*)/gm)].at(-1) ?? [];
  return /\.(skip|todo)\b/.test(chain);
}
