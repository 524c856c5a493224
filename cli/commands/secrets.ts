import { count } from "../../core/notifications/text.ts";
import { renderTable } from "../../core/terminal/table.ts";
import { type BoardRow, readBoard, STATES } from "../board.ts";
import { defineCommand, isSet, textOption } from "../command.ts";
import { EXIT } from "../exit-status.ts";
import { paintOutcome } from "../paint.ts";
import { secretRowOf } from "../secret-row.ts";
import { distance } from "../times.ts";

/** Each secret: who rotates it, how that went last, how old AWSCURRENT is, and when it is next. */
export const secrets = defineCommand({
  usage: "secrets",
  summary: "list the secrets: policy, class, last outcome, age, next rotation, what is wrong",
  options: [
    { flags: "--overdue", description: "only those whose rotation is overdue" },
    { flags: "--owner <name>", description: "only those of this owner" },
    { flags: "--state <state>", description: "only those with this to look at", choices: STATES },
    { flags: "--all", description: "every secret of the account, those without a policy, too" },
  ],
  examples: ["secrets", "secrets --overdue --output json", "secrets --owner orders --all"],
  async run(session, given) {
    const now = new Date();
    const policies = await session.policies();
    const all = isSet(given, "all");
    const owner = textOption(given, "owner");
    const state = textOption(given, "state");
    const { output } = session;
    const rows: BoardRow[] = [];
    for await (const row of readBoard(session, policies, { all, now })) {
      if (isSet(given, "overdue") && row.overdueMs === 0) continue;
      if (owner !== undefined && row.owner !== owner) continue;
      if (state !== undefined && !row.states.some((each) => each === state)) continue;
      // As soon as it is known: what fails later loses nothing.
      if (output.format === "ndjson") output.list("rotor.secrets/1", "secrets", [secretRowOf(row)], () => []);
      else rows.push(row);
    }
    if (output.format === "ndjson") return EXIT.done;
    output.list("rotor.secrets/1", "secrets", rows.map(secretRowOf), () => linesOf(rows, now));
    return EXIT.done;

    function linesOf(shown: readonly BoardRow[], at: Date): readonly string[] {
      if (shown.length === 0) return ["There is no such secret."];
      const { colors } = output;
      const head = ["SECRET", "POLICY", "CLASS", "LAST OUTCOME", "ROTATED", "NEXT", "STATE", "OWNER"];
      const cells = shown.map((row) => [
        row.secret.name,
        row.policy?.mode ?? "-",
        row.class,
        row.outcome === undefined ? "-" : paintOutcome(row.outcome, colors),
        distance(rotatedAt(row), at),
        distance(row.nextAt, at),
        row.states.length === 0 ? colors.green("ok") : colors.red(row.states.join(", ")),
        row.owner ?? "-",
      ]);
      const wrong = shown.filter(({ states }) => states.length > 0).length;
      return [
        ...renderTable(head, cells, colors),
        "",
        `${count(shown.length, "secret")}, ${wrong} with something to look at`,
      ];
    }
  },
});

/** LastRotatedDate is Secrets Manager's own: of a rotation that another asks for AWSCURRENT's age tells. */
function rotatedAt({ secret: { lastRotatedAt }, currentSince }: BoardRow): Date | undefined {
  if (lastRotatedAt === undefined || currentSince === undefined) return lastRotatedAt ?? currentSince;
  return currentSince > lastRotatedAt ? currentSince : lastRotatedAt;
}
