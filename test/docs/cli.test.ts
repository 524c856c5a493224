import { describe, expect, test } from "vitest";
import { COMMANDS } from "../../cli/commands/index.ts";
import { EXIT } from "../../cli/exit-status.ts";
import { createProgram } from "../../cli/program.ts";
import { readPage, wrongCommands } from "./judge.ts";

const page = readPage("docs/cli.md");
const section = (title: string) => page.split(/^## /m).find((each) => each.startsWith(`${title}\n`)) ?? "";
const firstCells = (text: string) => [...text.matchAll(/^\| `?([\w-]+)`? \|/gm)].map(([, cell = ""]) => cell);
const program = createProgram(COMMANDS, () => Promise.resolve());

describe("docs/cli.md", () => {
  test("has every command of rotor", () => {
    const names = COMMANDS.map(({ usage }) => usage.replace(/ [<[].*$/, ""));
    expect(names.filter((name) => !page.includes(`rotor ${name}`))).toEqual([]);
  });

  test("has the options that every command has, and no other one", () => {
    const options = program.options.map(({ long }) => long ?? "").filter((long) => long !== "--version");
    const told = firstCells(section("Where it looks")).filter((cell) => cell.startsWith("--"));
    expect(told.sort()).toEqual(options.sort());
  });

  test("has the statuses that rotor ends with, and no other one", () => {
    const statuses = firstCells(section("Exit statuses")).filter((cell) => /^\d+$/.test(cell));
    expect(statuses).toEqual(Object.values(EXIT).map(String));
  });
});

test.each(COMMANDS.flatMap(({ examples }) => examples))("the example of the help is right: rotor %s", (example) => {
  expect(wrongCommands("help", `\`\`\`sh\nrotor ${example}\n\`\`\`\n`)).toEqual([]);
});
