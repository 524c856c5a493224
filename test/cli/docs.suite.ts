import { expect, test } from "vitest";
import { commandsOf } from "../docs/commands.ts";
import { PAGES, readPage, rotorWords } from "../docs/judge.ts";
import { isName, rotorLine } from "../docs/rotor-line.ts";
import { executedShapes } from "./executed.ts";

/** Runs after all files of the suite: what none of them has run is told here. */
const executed = executedShapes();

const documented = PAGES.flatMap((page) =>
  commandsOf(page, readPage(page)).flatMap(({ words, text, line, isInline }) => {
    const own = rotorWords(words);
    // The name of a command in a sentence is no command line.
    if (own === undefined || own.length === 0 || (isInline && isName(own))) return [];
    return [[`${page}:${line}`, text, rotorLine(own).shape] as const];
  }),
);

test.each(documented)("%s: %s is run by a test", (_where, _text, shape) => {
  expect([...executed], "No test of the suite has run this.").toContain(shape);
});
