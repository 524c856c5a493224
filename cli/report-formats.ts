import type { Policy } from "../core/policies.ts";
import type { Report, ReportRow } from "./report.ts";

export interface ReportPlace {
  readonly account: string;
  readonly region: string;
  readonly stage: string;
}

/** How far back the report reaches, and what it leaves out: nobody is to take its silence for a proof. */
export function reachOf({ from, to, oldestRun, passedOver }: Report): string {
  const known =
    oldestRun === undefined
      ? "no execution is known"
      : `the oldest execution that is known began ${oldestRun.toISOString()}`;
  const leftOut =
    passedOver === 0
      ? ""
      : ` Of the account's secrets in this Region ${passedOver} have no policy of this stage and are not listed: --all lists them.`;
  return `Rotations from ${from.toISOString()} to ${to.toISOString()}, as far as Step Functions keeps executions, 90 days from their end: ${known}. Dates of secrets are Secrets Manager's own.${leftOut}`;
}

/** RFC 4180, with a header. A cell that a spreadsheet would take for a formula begins with an apostrophe. */
export function toCsv(report: Report): readonly string[] {
  return [COLUMNS.map(([title]) => title), ...cellsOf(report)].map((cells) => cells.map(csvCell).join(","));
}

/** One page that needs nothing else: no script, no style or picture from elsewhere. */
export function toHtml(report: Report, { account, region, stage }: ReportPlace): readonly string[] {
  const head = COLUMNS.map(([title]) => `<th scope="col">${escapeHtml(title)}</th>`).join("");
  const body = cellsOf(report).map(
    (cells) => `<tr>${cells.map((cell) => `<td>${escapeHtml(cell)}</td>`).join("")}</tr>`,
  );
  const title = `Secret rotations: ${account}, ${region}, ${stage}`;
  return [
    `<!doctype html><html lang="en"><meta charset="utf-8"><title>${escapeHtml(title)}</title>`,
    "<style>body{font:14px system-ui,sans-serif;margin:2rem}table{border-collapse:collapse}td,th{border:1px solid #999;padding:.3rem .6rem;text-align:left}</style>",
    `<h1>${escapeHtml(title)}</h1>`,
    `<p>${escapeHtml(reachOf(report))}</p>`,
    `<table><thead><tr>${head}</tr></thead><tbody>`,
    ...body,
    "</tbody></table></html>",
  ];
}

/** As a document. */
export function toDocument(report: Report): Readonly<Record<string, unknown>> {
  return {
    from: report.from,
    to: report.to,
    oldestRun: report.oldestRun ?? null,
    reach: reachOf(report),
    withoutPolicy: report.passedOver,
    secrets: toItems(report),
  };
}

/** What is said of each secret, as a document; first of those that are there. */
export function toItems({ rows, missing }: Report): readonly Readonly<Record<string, unknown>>[] {
  return [...rows.map(itemOf), ...missing.map(missingItemOf)];
}

/** What there is to look at where a policy names no secret. */
export const MISSING = "no such secret";

// --- internal ---

function itemOf(row: ReportRow) {
  return {
    ...{ name: row.secret.name, arn: row.secret.arn, owner: row.owner ?? null, class: row.class },
    policy: policyOf(row.policy),
    lastRotatedAt: row.secret.lastRotatedAt ?? null,
    currentSince: row.currentSince ?? null,
    nextAt: row.nextAt ?? null,
    overdueSeconds: Math.round(row.overdueMs / 1000),
    lastRun:
      row.run === undefined ? null : { name: row.run.name, outcome: row.outcome, endedAt: row.run.stoppedAt ?? null },
    askedBy: row.askedBy ?? null,
    outcomes: row.outcomes,
    rehearsedAt: row.rehearsedAt ?? null,
    states: row.states,
  };
}

/** The same fields: nothing is known of what is not there. */
function missingItemOf(policy: Policy) {
  return {
    ...{ name: policy.secretId, arn: null, owner: policy.owner ?? null, class: null, policy: policyOf(policy) },
    ...{ lastRotatedAt: null, currentSince: null, nextAt: null, overdueSeconds: 0, lastRun: null, askedBy: null },
    ...{ outcomes: {}, rehearsedAt: null, states: [MISSING] },
  };
}

function policyOf(policy: Policy | undefined) {
  return policy === undefined ? null : { mode: policy.mode, strategy: policy.strategy ?? null };
}

function cellsOf({ rows, missing }: Report): readonly (readonly string[])[] {
  const cellsOfMissing = (policy: Policy) => {
    const known: Readonly<Record<string, string | undefined>> = {
      ...{ secret: policy.secretId, owner: policy.owner, policy: policy.mode, strategy: policy.strategy },
      "to look at": MISSING,
    };
    return COLUMNS.map(([title]) => known[title] ?? "");
  };
  return [...rows.map((row) => COLUMNS.map(([, of]) => of(row))), ...missing.map(cellsOfMissing)];
}

const COLUMNS: readonly (readonly [title: string, of: (row: ReportRow) => string])[] = [
  ["secret", ({ secret }) => secret.name],
  ["owner", ({ owner }) => owner ?? ""],
  ["policy", ({ policy }) => policy?.mode ?? ""],
  ["strategy", ({ policy }) => policy?.strategy ?? ""],
  ["class", (row) => row.class],
  ["last rotated", ({ secret }) => iso(secret.lastRotatedAt)],
  ["current since", ({ currentSince }) => iso(currentSince)],
  ["next", ({ nextAt }) => iso(nextAt)],
  ["overdue (s)", ({ overdueMs }) => String(Math.round(overdueMs / 1000))],
  ["last outcome", ({ outcome }) => outcome ?? ""],
  ["last run", ({ run }) => run?.name ?? ""],
  ["ended", ({ run }) => iso(run?.stoppedAt)],
  ["asked by", ({ askedBy }) => askedBy ?? ""],
  [
    "outcomes",
    ({ outcomes }) =>
      Object.entries(outcomes)
        .map(([outcome, n]) => `${outcome} ${n}`)
        .join("; "),
  ],
  ["rehearsed", ({ rehearsedAt }) => iso(rehearsedAt)],
  ["to look at", ({ states }) => states.join("; ")],
];

function iso(date: Date | undefined): string {
  return date?.toISOString() ?? "";
}

function csvCell(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
