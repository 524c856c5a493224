import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  descendantsOf,
  leftBehind,
  NOTHING,
  type OwnDirectories,
  type OwnProcess,
  ownDirectories,
  PROJECT,
  run,
} from "../support/own-process.ts";
import { notWritten, partsOf } from "./readme-walk.ts";

/** A repair waits three minutes of it. */
const END = "end of a part of the walk";
const WALK_MS = 10 * 60_000;
const [start, ...walk] = partsOf(readFileSync(join(PROJECT, "README.md"), "utf8"), "Operate it");

describe('README.md, "Operate it"', () => {
  let own: OwnDirectories;
  let written: readonly string[];
  const running: OwnProcess[] = [];

  beforeAll(async () => {
    own = await ownDirectories();
    const demo = run("bash", ["-c", `exec ${start?.commands.join("\n")}`], own);
    running.push(demo);
    await demo.wrote("Ctrl-C ends it.");
    const pasted = demo.output().match(/^(unset|export|alias) .*$/gm);
    if (pasted === null) throw new Error(`The demo has printed nothing to paste:\n${demo.output()}`);
    const script = join(own.home, "walk.sh");
    const commands = walk.map((part) => part.commands.join("\n"));
    await writeFile(script, ["exec 2>&1", ...pasted, ...commands].join(`\necho "${END}"\n`));
    // As a terminal's shell does.
    const shell = run("bash", ["-O", "expand_aliases", script], own);
    running.push(shell);
    await shell.ended;
    written = shell.output().split(`${END}\n`).slice(-walk.length);
  }, WALK_MS);

  afterAll(async () => {
    const pids = running.flatMap(({ child: { pid } }) => (pid === undefined ? [] : [pid, ...descendantsOf(pid)]));
    // What they have started, and what that has made, ends with them: a command of the walk for want of an account.
    for (const { child } of running) child.kill("SIGKILL");
    expect(await leftBehind(pids, own)).toEqual(NOTHING);
    await own[Symbol.asyncDispose]();
  }, 30_000);

  test("goes from a success by a rollback and a frozen secret to a success again", () => {
    const statuses = walk.flatMap(({ shown }) => shown.filter((line) => line.startsWith("status ")));
    expect(statuses).toEqual([0, 4, 5, 7, 4, 3, 0].map((status) => `status ${status}`));
  });

  test.each(walk.map(({ commands }, index) => [commands.at(-1), index] as const))(
    "shows what is written up to: %s",
    (_, index) => {
      const output = written[index] ?? "";
      expect(notWritten(walk[index]?.shown ?? [], output), output).toEqual([]);
    },
  );
});

test.each([
  ["a line that is not there", ["one", "three"], ["three"]],
  ["a line that comes too early", ["two", "one"], ["one"]],
  ["a part of a line", ["on"], ["on"]],
  ["another number", ["status 5"], ["status 5"]],
  ["a word where an id is due", ["is version 0a1b2c3d"], ["is version 0a1b2c3d"]],
])("what README.md shows is held to what is written: %s is noticed", (_, shown, missing) => {
  expect(notWritten(shown, "one\ntwo\nstatus 4\nis version nothing1\n")).toEqual(missing);
});

test("ids, times, columns, and what is left out, may be others", () => {
  const shown = ["...", "version 0a1b2c3d  3 min ago", "...", "Production works: it is live ..."];
  expect(notWritten(shown, "first\nversion ffffffff  1 h ago\nmore\nProduction works: it is live and well\n")).toEqual(
    [],
  );
});
