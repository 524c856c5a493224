import { describe, expect, test } from "vitest";
import { commandsOf } from "./commands.ts";
import { PAGES, readPage, wrongCommands } from "./judge.ts";
import { rotorLine } from "./rotor-line.ts";

const block = (command: string, mark = "") => `\`\`\`sh${mark}\n${command}\n\`\`\`\n`;
const wrongIn = (text: string, page = "docs/page.md") => wrongCommands(page, text).join("\n");

describe("commands in the docs", () => {
  test.each(PAGES)("%s has none that no test runs and no mark excuses", (page) => {
    expect(wrongCommands(page, readPage(page))).toEqual([]);
  });

  test.each(PAGES)("%s has each block in a language, so that none of shell is overlooked", (page) => {
    const begins = [...readPage(page).matchAll(/^ *```(.*)\n(?:(?! *```).*\n)* *```$/gm)];
    expect(begins.map(([, info = ""]) => info).filter((info) => /^$|^(bash|shell|console|zsh)/.test(info))).toEqual([]);
  });

  test("are found: a page of runbooks has dozens", () => {
    expect(commandsOf("docs/runbooks.md", readPage("docs/runbooks.md")).length).toBeGreaterThan(30);
  });
});

describe("a command is found", () => {
  const found = (text: string) =>
    commandsOf("docs/page.md", text).map(({ line, words, mark, isInline }) => [line, words, mark, isInline]);

  test("with the section that it is in", () => {
    const text = "`npm test`\n## One\n\n`npm test`\n\n```sh\n## no title\nls\n```\n### Below\n`npm ci`\n";
    expect(commandsOf("docs/page.md", text).map(({ line, section }) => [line, section])).toEqual([
      [8, "One"],
      [1, ""],
      [4, "One"],
      [11, "One"],
    ]);
  });

  test("in a block of shell, without what explains it, with its line and its mark", () => {
    expect(found(`Do:\n\n${block("rotor show <run>   # how it went\n\nls", " aws-only")}`)).toEqual([
      [4, ["rotor", "show", "<run>"], "aws-only", false],
      [6, ["ls"], "aws-only", false],
    ]);
  });

  test("over two lines, behind variables, beside another one, and without where its output goes", () => {
    expect(found(block("A=1 B=\"2 3\" npm test \\\n  gap && rotor report --output json > 'a b.json'; ls"))).toEqual([
      [3, ["npm", "test", "gap"], undefined, false],
      [3, ["rotor", "report", "--output", "json"], undefined, false],
      [3, ["ls"], undefined, false],
    ]);
  });

  test("in a sentence, over the end of a line, too; a placeholder and a quoted text are one word each", () => {
    const text =
      'First `rotor rehearse\n<the secret of it> --reason "two words"`, then `TEXT`, `no command` and `rotor`.';
    expect(found(text)).toEqual([
      [1, ["rotor", "rehearse", "<the secret of it>", "--reason", '"two words"'], undefined, true],
    ]);
  });

  test("in no block of another language", () => {
    expect(found("```text\nrotor shwo\n```\n")).toEqual([]);
  });
});

describe("a command is wrong", () => {
  test.each([
    ["rotor shwo <secret>", "Did you mean show?"],
    ["rotor secrets --overdu", "Did you mean --overdue?"],
    ["rotor report --format cvs", "Allowed choices are csv, html"],
    ["rotor show", "missing required argument 'run'"],
    ["rotor notify", "(outputHelp)"],
    ["npm run rotor -- shwo x", "Did you mean show?"],
    ["npx -p ./rotor.tgz rotor shwo x", "Did you mean show?"],
    ["npm run tset", "CI does not run it"],
    ["npm run test:faults nothing", "no file of the suite is called nothing"],
    ["npm start -- --kep", "There is no option --kep."],
    ["npm run bench now", "what is now?"],
    ["node test/nothing.mjs", "no test runs it, and it has no mark"],
    ["curl http://127.0.0.1", "no test runs it, and it has no mark"],
    ["aws sts get-caller-identity", "no test runs it, and it has no mark"],
    ["openssl rand 4 # of another page", "no test runs it, and it has no mark"],
  ])("in a block: %s", (command, why) => {
    expect(wrongIn(block(command))).toContain(why);
  });

  test.each([
    ["rotor shwo", "Did you mean show?"],
    ["curl http://127.0.0.1", "no test runs it, and it has no mark"],
    ["npx sst deploy", "the page does not say what is AWS-only"],
  ])("in a sentence: %s", (command, why) => {
    expect(wrongIn(`Type \`${command}\`.`)).toContain(why);
  });

  test.each(["rotor shwo <secret>", "npm run tset"])("whatever its block is marked with: %s", (command) => {
    expect(wrongIn(`AWS-only:\n${block(command, " aws-only")}`)).toContain(command);
  });

  test("under a mark that nobody knows, or on a page that does not say what its mark means", () => {
    expect(wrongIn(`AWS-only:\n${block("ls", " awsonly")}`)).toContain("no mark is called awsonly");
    expect(wrongIn(block("aws sts get-caller-identity", " aws-only"))).toContain("does not say what is AWS-only");
  });
});

describe("a command is right", () => {
  test.each([
    ["rotor show", "Type `rotor show`."],
    ["npm start", block("npm start -- --keep")],
    ["a suite with variables", block('ROTOR_FAULT="driven single" npm run test:faults replay')],
    ["one of AWS's, marked", `AWS-only:\n${block("aws sts get-caller-identity", " aws-only")}`],
    ["one of AWS's in a sentence", "AWS-only: `aws sts get-caller-identity`."],
  ])("%s", (_what, text) => {
    expect(wrongIn(text)).toBe("");
  });
});

describe("the shape of a command line", () => {
  const shape = (line: string) => rotorLine(line.split(" ")).shape;

  test.each([
    ["show <run>", "show rot-0f3b6c1d2e4a5b6c-1f0e"],
    ["show <secret>", "show orders/db"],
    ["rotate <secret> --wait --reason why", "rotate orders/db --reason because --wait"],
    ["stop <run>", "stop rot-0f3b6c1d2e4a5b6c-1f0e --confirm orders/db"],
    ["trigger <event> --dry-run", "trigger rotation-failed --dry-run"],
  ])("%s is the one of: rotor %s", (documented, run) => {
    expect(shape(documented)).toBe(shape(run));
  });

  test.each([
    ["show <run>", "show <secret>"],
    ["rotate <secret>", "rotate <secret> --wait"],
    ["report --format csv", "report --format html"],
    ["report --output json", "report"],
    ["doctor", "doctor <secret>"],
  ])("%s is another one than: rotor %s", (one, other) => {
    expect(shape(one)).not.toBe(shape(other));
  });
});
