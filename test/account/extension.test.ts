import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { FUNCTIONS } from "../../core/blueprint.ts";
import { bundleFunctions } from "../../local/bundle.ts";
import { startWorld, type World } from "../support/world.ts";

const path = (file: string) => fileURLToPath(new URL(`../../${file}`, import.meta.url));

/** What a contributor writes: a file, and this line at the end of the barrel beside it. */
const LINES = {
  "core/strategies/index.ts": `export { word } from ${JSON.stringify(path("test/extension/word.ts"))};`,
  "core/dependents/index.ts": `export { noticeBoard } from ${JSON.stringify(path("test/extension/notice-board.ts"))};`,
};

let directory: string;
let world: World;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "rotor-extension-"));
  const replaced = Object.entries(LINES).map(async ([barrel, line], index) => {
    const file = join(directory, `${index}.ts`);
    await writeFile(file, `export * from ${JSON.stringify(path(barrel))};\n${line}\n`);
    return [path(barrel), file] as const;
  });
  const bundles = await bundleFunctions({
    outdir: join(directory, "bundles"),
    entries: Object.fromEntries(Object.entries(FUNCTIONS).map(([name, { file }]) => [name, path(file)])),
    configPath: path("rotation.config.ts"),
    replacements: Object.fromEntries(await Promise.all(replaced)),
  });
  world = await startWorld({ bundles });
});
afterAll(async () => {
  await world?.[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
});

test("a new strategy and a new kind of dependents, each one file and one line, rotate a secret", async () => {
  const dependents = [
    { name: "hall", kind: "notice-board", evidence: "weak" as const, target: { board: "the one in the hall" } },
  ];
  const secret = await world.add({ word: "first-word" }, { strategy: "word", dependents });
  const token = await world.rotate(secret);

  const { execution } = await world.run(secret, token);
  expect(JSON.parse(execution.output ?? "{}")).toMatchObject({
    outcome: "SUCCEEDED",
    evidence: [
      {
        dependent: "hall",
        strength: "weak",
        seen: `the one in the hall shows ${token}; the target cannot tell who has signed in`,
      },
    ],
  });
});
