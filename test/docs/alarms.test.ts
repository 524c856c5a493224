import { describe, expect, test } from "vitest";
import { commandsOf } from "./commands.ts";
import { readPage, rotorWords } from "./judge.ts";

const PAGE = "docs/alarms.md";
// That they are the sections of every alarm there is: test/stacks/monitoring.test.ts.
const sections = readPage(PAGE)
  .split(/^## /m)
  .slice(1)
  .map((section) => [section.split("\n")[0] ?? "", section] as const);

describe("docs/alarms.md", () => {
  test.each(sections)("says of %s what it means, what is true now and what to do", (_alarm, section) => {
    const parts = ["**Means.**", "**True now.**", "**Do.**"].map((part) => section.indexOf(part));
    expect(parts).not.toContain(-1);
    expect([...parts].sort((a, b) => a - b)).toEqual(parts);
  });

  test.each(sections)("has for %s commands of rotor, before those of AWS's CLI", (_alarm, section) => {
    const typed = commandsOf(PAGE, section).filter(({ isInline }) => !isInline);
    const [first] = typed;
    expect(first === undefined ? undefined : rotorWords(first.words)).toBeDefined();
  });

  test("has a section at all", () => {
    expect(sections.length).toBeGreaterThan(10);
  });
});
