// Writes the table of docs/guarantees.md from what the suites have counted. With --check it compares the two: what a run has found
// must stand there. ROTOR_FIGURES names the directory in which the suites have left their figures.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { counts, format, judge, keyOf } from "./judge.mjs";

const DOCUMENT = new URL("../../docs/guarantees.md", import.meta.url).pathname;
const [BEGIN, END] = ["<!-- figures: npm run guarantees -->", "<!-- end of figures -->"];

const directory = process.env.ROTOR_FIGURES;
if (directory === undefined) fail("ROTOR_FIGURES names no directory: run the suites with it, then this.");
const figures = readdirSync(directory)
  .filter((name) => name.endsWith(".json"))
  .map((name) => JSON.parse(readFileSync(join(directory, name), "utf8")))
  .sort((one, other) => keyOf(one).localeCompare(keyOf(other)));
if (figures.length === 0) fail(`${directory} has no figures: run the suites with ROTOR_FIGURES first.`);

const document = readFileSync(DOCUMENT, "utf8");
const [from, to] = [document.indexOf(BEGIN), document.indexOf(END)];
if (from < 0 || to < from) fail("docs/guarantees.md has no place for the figures.");

const broken = figures.filter(({ violations }) => violations > 0);
if (broken.length > 0) fail(`Promises were broken: ${broken.map(keyOf).join("; ")}`);

if (process.argv.includes("--check")) check();
else writeFileSync(DOCUMENT, `${document.slice(0, from)}${BEGIN}\n\n${table()}\n${document.slice(to)}`);

function table() {
  const runs = figures.filter(({ counted }) => counted === "runs").reduce((sum, { count }) => sum + count, 0);
  const rows = figures.map((figure) => `${keyOf(figure)} | ${counts(figure)} | ${figure.violations} |`);
  const total = `| | **all runs together** | **${format(runs)} runs** | **0** |`;
  return ["| suite | what | counted | violations |", "|---|---|---|---|", ...rows, total, ""].join("\n");
}

function check() {
  const wrong = judge(document.slice(from, to), figures);
  if (wrong.length > 0) fail(`docs/guarantees.md is not what this release does:\n  ${wrong.join("\n  ")}`);
  console.log(`docs/guarantees.md holds for the ${figures.length} figures of this run.`);
}

function fail(why) {
  console.error(why);
  process.exit(1);
}
