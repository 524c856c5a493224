import { renderTable } from "../../core/terminal/table.ts";
import { defineCommand, isSet, textOption } from "../command.ts";
import { EXIT } from "../exit-status.ts";
import { readCount } from "../given.ts";
import { paintOutcome } from "../paint.ts";
import { readReport } from "../report.ts";
import { MISSING, reachOf, toCsv, toDocument, toHtml, toItems } from "../report-formats.ts";
import { distance } from "../times.ts";

const DAY_MS = 86_400_000;

/** For auditors: each secret, when and how it was rotated, who asked for it, what is overdue, and when it was rehearsed. */
export const report = defineCommand({
  usage: "report",
  summary: "report on rotations: as a table, as JSON, as CSV or as a page",
  options: [
    { flags: "--days <number>", description: "how many days back, at most 90", default: "90" },
    { flags: "--all", description: "also the account's secrets in this Region that no policy names" },
    { flags: "--format <format>", description: "a file's form in place of --output", choices: ["csv", "html"] },
  ],
  examples: [
    "report --output json",
    "report --all --format csv",
    "report --format csv > rotations.csv",
    "report --days 30 --format html > rotations.html",
  ],
  async run(session, given) {
    const days = readCount(textOption(given, "days"), "--days", 90) ?? 90;
    const to = new Date();
    const from = new Date(to.getTime() - days * DAY_MS);
    const found = await readReport(session, { from, to, all: isSet(given, "all") });
    const { output } = session;
    const format = textOption(given, "format");
    if (format !== undefined) {
      output.text(format === "csv" ? toCsv(found) : toHtml(found, await session.deployment()));
      output.say(reachOf(found));
      return EXIT.done;
    }
    if (output.format === "ndjson") {
      output.list("rotor.report/1", "secrets", toItems(found), () => []);
      output.say(reachOf(found));
      return EXIT.done;
    }
    output.result("rotor.report/1", toDocument(found), () => {
      const { colors } = output;
      const rows = found.rows.map(({ secret, owner, outcome, run, askedBy, overdueMs, outcomes, rehearsedAt }) => [
        secret.name,
        owner ?? "-",
        outcome === undefined ? "-" : paintOutcome(outcome, colors),
        distance(run?.stoppedAt, to),
        askedBy ?? "-",
        overdueMs > 0 ? colors.red(distance(new Date(to.getTime() - overdueMs), to)) : "-",
        Object.values(outcomes)
          .reduce((sum, n) => sum + n, 0)
          .toString(),
        distance(rehearsedAt, to),
      ]);
      for (const { secretId, owner = "-" } of found.missing) {
        rows.push([secretId, owner, colors.red(MISSING), ...Array<string>(5).fill("-")]);
      }
      const head = ["SECRET", "OWNER", "LAST OUTCOME", "WHEN", "ASKED BY", "OVERDUE", "RUNS", "REHEARSED"];
      return [...renderTable(head, rows, colors), "", reachOf(found)];
    });
    return EXIT.done;
  },
});
