import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { type Evaluation, evaluateAll, fixtures, type Request } from "./harness/graph.ts";
import { MUTANTS, type Mutant } from "./mutants.ts";

/** Every check is shown able to fail: each mutant is evaluated, and the tests are asked about its graph. */
const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const CHECKS = ["iam", "graph", "monitoring", "resource-policies", "patterns"].map(
  (name) => `test/stacks/${name}.test.ts`,
);
const graphs = inject("graphs");
const bundles = inject("bundleDirectory");
/** As many processes at a time as a small machine has processors, and as many evaluations in one as its memory holds. */
const ABREAST = 2;
const IN_ONE = 10;
const noticed = new Map<Mutant, readonly string[]>();
let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "rotor-mutants-"));
  const groups = Array.from({ length: Math.ceil(MUTANTS.length / IN_ONE) }, (_each, index) => index * IN_ONE).values();
  const work = Array.from({ length: ABREAST }, async () => {
    for (const first of groups) await judge(MUTANTS.slice(first, first + IN_ONE));
  });
  await Promise.all(work);
}, 900_000);
afterAll(() => rm(directory, { recursive: true, force: true }));

test.each(MUTANTS)("is noticed: $fault", (mutant) => {
  expect(noticed.get(mutant)?.join("\n")).toContain(mutant.noticedBy);
});

test("without a fault nothing is noticed", async () => {
  const [production] = await evaluateAll([await request("production")]);
  expect(production?.errors).toBe("");
  expect(await failedTests("none", { ...graphs, production: production?.graph })).toEqual([]);
});

async function judge(mutants: readonly Mutant[]): Promise<void> {
  const evaluations = await evaluateAll(await Promise.all(mutants.map(requestOf)));
  for (const [index, mutant] of mutants.entries()) {
    const evaluation = evaluations[index];
    if (evaluation === undefined) throw new Error(`There is no evaluation of the mutant "${mutant.fault}".`);
    noticed.set(mutant, await whatNotices(mutant, evaluation));
  }
}

async function requestOf({ file, from, to, stage }: Mutant): Promise<Request> {
  const text = await readFile(join(ROOT, file), "utf8");
  const [before = "", after, ...more] = text.split(from);
  if (after === undefined || more.length > 0) throw new Error(`"${from}" is not once in ${file}.`);
  return request(stage ?? "production", { [file]: `${before}${to}${after}` });
}

async function request(stage: "dev" | "production", replacements: Request["replacements"] = {}): Promise<Request> {
  const settings = stage === "dev" ? {} : await fixtures("deployment.config.ts");
  const configuration = { ...settings, ...(await fixtures("rotation.config.ts")) };
  return { stage, replacements: { ...configuration, ...replacements }, bundles };
}

/** What the evaluation says where it fails; else the names of the tests that fail, of those that have to notice. */
async function whatNotices(mutant: Mutant, { graph, errors }: Evaluation): Promise<readonly string[]> {
  if (graph === undefined) return [errors];
  const { stage = "production", noticedBy } = mutant;
  return failedTests(`${MUTANTS.indexOf(mutant)}`, { ...graphs, [stage]: graph }, noticedBy);
}

/** @param of a part of the names of the tests that are run; all of them, if absent */
async function failedTests(name: string, graphs: unknown, of = ""): Promise<readonly string[]> {
  // Some names are put together: they stand in no file.
  const holding = CHECKS.filter((file) => readFileSync(join(ROOT, file), "utf8").includes(of));
  const checks = holding.length > 0 ? holding : CHECKS;
  const [given, report] = [join(directory, `${name}.json`), join(directory, `${name}-report.json`)];
  await writeFile(given, JSON.stringify(graphs));
  const vitest = join(ROOT, "node_modules", "vitest", "vitest.mjs");
  const arguments_ = [
    "run",
    "--config",
    "test/stacks/vitest.config.ts",
    // They only look at the graph: one process can have all of them.
    "--no-isolate",
    "--maxWorkers=1",
    "--reporter=json",
    `--outputFile=${report}`,
    "--testNamePattern",
    of.replaceAll(/[$()*+.?[\\\]^{|}]/g, "\\$&"),
    ...checks,
  ];
  // A missing document would be written anew: a mutant has nothing to write.
  const env = { ...process.env, ROTOR_GRAPHS: given, CI: "true" };
  const child = spawn(process.execPath, [vitest, ...arguments_], { cwd: ROOT, stdio: "ignore", env });
  await new Promise((resolve) => child.on("close", resolve));
  const { testResults } = JSON.parse(await readFile(report, "utf8")) as {
    testResults: { assertionResults: { status: string; fullName: string }[]; message: string }[];
  };
  expect(testResults).toHaveLength(checks.length);
  return testResults.flatMap(({ assertionResults, message }) => [
    ...assertionResults.filter(({ status }) => status === "failed").map(({ fullName }) => fullName),
    ...(assertionResults.length === 0 ? [message] : []),
  ]);
}
