import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { evaluate, fixtures } from "./harness/graph.ts";
import { MUTANTS, type Mutant } from "./mutants.ts";

/** Every check is shown able to fail: each mutant is evaluated, and the tests are asked about its graph. */
const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const CHECKS = ["iam", "graph", "monitoring", "resource-policies", "patterns"].map(
  (name) => `test/stacks/${name}.test.ts`,
);
const graphs = inject("graphs");
const bundles = inject("bundleDirectory");
/** As many at a time as a small machine has processors. */
const ABREAST = 2;
const noticed = new Map<Mutant, readonly string[]>();
let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "rotor-mutants-"));
  const waiting = MUTANTS.values();
  const work = Array.from({ length: ABREAST }, async () => {
    for (const mutant of waiting) noticed.set(mutant, await judge(mutant));
  });
  await Promise.all(work);
}, 600_000);
afterAll(() => rm(directory, { recursive: true, force: true }));

test.each(MUTANTS)("is noticed: $fault", (mutant) => {
  expect(noticed.get(mutant)?.join("\n")).toContain(mutant.noticedBy);
});

test("without a fault nothing is noticed", async () => {
  expect(await failedTests("none", graphs)).toEqual([]);
});

/** What the evaluation says where it fails; else the names of the tests that fail. */
async function judge({ file, from, to, stage: named }: Mutant): Promise<readonly string[]> {
  const text = await readFile(join(ROOT, file), "utf8");
  const stage = named ?? "production";
  const [before = "", after, ...more] = text.split(from);
  if (after === undefined || more.length > 0) throw new Error(`"${from}" is not once in ${file}.`);
  const settings = stage === "dev" ? {} : await fixtures("deployment.config.ts");
  const configuration = { ...settings, ...(await fixtures("rotation.config.ts")) };
  const replacements = { ...configuration, [file]: `${before}${to}${after}` };
  const { graph, errors } = await evaluate({ stage, replacements, bundles });
  return graph === undefined
    ? [errors]
    : failedTests(`${MUTANTS.findIndex((each) => each.file === file && each.from === from)}`, {
        ...graphs,
        [stage]: graph,
      });
}

async function failedTests(name: string, graphs: unknown): Promise<readonly string[]> {
  const [given, report] = [join(directory, `${name}.json`), join(directory, `${name}-report.json`)];
  await writeFile(given, JSON.stringify(graphs));
  const vitest = join(ROOT, "node_modules", "vitest", "vitest.mjs");
  const arguments_ = [
    "run",
    "--config",
    "test/stacks/vitest.config.ts",
    "--reporter=json",
    `--outputFile=${report}`,
    ...CHECKS,
  ];
  // A missing document would be written anew: a mutant has nothing to write.
  const env = { ...process.env, ROTOR_GRAPHS: given, CI: "true" };
  const child = spawn(process.execPath, [vitest, ...arguments_], { cwd: ROOT, stdio: "ignore", env });
  await new Promise((resolve) => child.on("close", resolve));
  const { testResults } = JSON.parse(await readFile(report, "utf8")) as {
    testResults: { assertionResults: { status: string; fullName: string }[]; message: string }[];
  };
  expect(testResults).toHaveLength(CHECKS.length);
  return testResults.flatMap(({ assertionResults, message }) => [
    ...assertionResults.filter(({ status }) => status === "failed").map(({ fullName }) => fullName),
    ...(assertionResults.length === 0 ? [message] : []),
  ]);
}
