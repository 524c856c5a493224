// Asks the registry for advisories about the packages that a deployment carries: `node test/security/audit.mjs`.
// Fails on "high" and "critical" ones that audit-allowed.json does not name, and on an entry there whose time is over.
// A registry without such an answer is said, and is no failure unless REQUIRE_AUDIT=1.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const FAILS = ["high", "critical"];

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const root = fileURLToPath(new URL("../..", import.meta.url));
  // npm ends with 1 where it has found something: its answer counts.
  const { stdout } = spawnSync("npm", ["audit", "--omit=dev", "--json"], {
    cwd: root,
    encoding: "utf8",
    timeout: 120_000,
  });
  const allowed = JSON.parse(readFileSync(new URL("audit-allowed.json", import.meta.url), "utf8"));
  const { lines, failed } = judge(stdout ?? "", allowed, {
    now: new Date(),
    isRequired: process.env["REQUIRE_AUDIT"] === "1",
  });
  for (const line of lines) console.info(`audit: ${line}`);
  process.exitCode = failed ? 1 : 0;
}

/**
 * What `npm audit --json` has answered, and what to make of it. Pure.
 *
 * @param {string} answer
 * @param {readonly { readonly advisory: string, readonly reason: string, readonly expires: string }[]} allowed
 * @param {{ readonly now: Date, readonly isRequired: boolean }} options
 * @returns {{ readonly lines: readonly string[], readonly failed: boolean }}
 */
export function judge(answer, allowed, { now, isRequired }) {
  const wrong = allowed.flatMap((entry, index) => problemsOf(entry, index, now));
  const report = reportIn(answer);
  if (report === undefined) {
    const lines = [...wrong, "not run: the registry answers no audit"];
    return { lines, failed: isRequired || wrong.length > 0 };
  }
  const found = advisoriesIn(report);
  const names = allowed.map(({ advisory }) => advisory);
  const unknown = found.filter(({ severity, id }) => FAILS.includes(severity) && !names.includes(id));
  const idle = names.filter((name) => !found.some(({ id }) => id === name));
  return {
    lines: [
      ...wrong,
      ...unknown.map(({ id, severity, name, title, range }) => `${severity}: ${name} ${range}: ${title} (${id})`),
      ...idle.map((name) => `${name} is allowed, and is not found any more: take it out of audit-allowed.json`),
      `${found.length} advisories, ${unknown.length} of them high or critical and not allowed`,
    ],
    failed: unknown.length > 0 || wrong.length > 0,
  };
}

/** undefined: npm has had no answer, or one that is no report. */
function reportIn(answer) {
  try {
    const report = JSON.parse(answer);
    return typeof report?.vulnerabilities === "object" && report.vulnerabilities !== null ? report : undefined;
  } catch {
    return undefined;
  }
}

/** Each advisory once. A package that is affected only by what it depends on has names in `via`, and its advisory is there. */
function advisoriesIn({ vulnerabilities }) {
  const all = Object.values(vulnerabilities).flatMap(({ via = [] }) => via.filter((each) => typeof each === "object"));
  const advisories = all.map(({ url, source, severity, name, title, range }) => {
    return { id: /GHSA(-[a-z0-9]{4}){3}/.exec(url ?? "")?.[0] ?? String(source), severity, name, title, range };
  });
  return advisories.filter(({ id }, index) => advisories.findIndex((other) => other.id === id) === index);
}

function problemsOf({ advisory, reason, expires }, index, now) {
  const entry = `audit-allowed.json[${index}] (${advisory})`;
  const time = Date.parse(expires);
  if (!advisory || !reason || Number.isNaN(time))
    return [`${entry} needs an advisory, a reason and a date as "expires"`];
  return time > now.getTime() ? [] : [`${entry} has expired on ${expires}: look at it again`];
}
