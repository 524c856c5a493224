import type { ExecutionStatus } from "@aws-sdk/client-sfn";
import { describeExecution, type Execution, type ExecutionOutcome, outcomeOf } from "../../core/executions.ts";
import { count } from "../../core/notifications/text.ts";
import { renderDuration } from "../../core/terminal/run-text.ts";
import { renderTable } from "../../core/terminal/table.ts";
import { describeSecret } from "../../core/versions/secret.ts";
import { RUN_OUTCOMES } from "../../view/wire.ts";
import { defineCommand, textOption } from "../command.ts";
import { EXIT } from "../exit-status.ts";
import { readCount } from "../given.ts";
import { paintOutcome } from "../paint.ts";
import { executionNamePrefix, listRuns, type RotationOf, rotationOf } from "../runs.ts";
import { when } from "../times.ts";

const STATUSES = [
  "RUNNING",
  "SUCCEEDED",
  "FAILED",
  "TIMED_OUT",
  "ABORTED",
] as const satisfies readonly ExecutionStatus[];
const MOST = 1000;

interface Found extends RotationOf {
  readonly execution: Execution;
  readonly outcome: ExecutionOutcome;
}

/** The newest runs. */
export const runs = defineCommand({
  usage: "runs",
  summary: "list the newest runs",
  options: [
    { flags: "--secret <secret>", description: "of this secret only" },
    { flags: "--status <status>", description: "with this status of Step Functions only", choices: STATUSES },
    { flags: "--outcome <outcome>", description: "that have ended so only", choices: RUN_OUTCOMES },
    { flags: "--limit <number>", description: `how many, at most ${MOST}`, default: "20" },
  ],
  examples: ["runs --secret orders/db/app", "runs --outcome ROLLED_BACK --limit 50 --output ndjson"],
  async run({ clients, output, deployment, progress }, given) {
    const limit = readCount(textOption(given, "limit"), "--limit", MOST) ?? MOST;
    const { stateMachineArn } = await deployment();
    const secretId = textOption(given, "secret");
    const secret = secretId === undefined ? undefined : await describeSecret(clients.secretsManager, secretId);
    const prefix = secret === undefined ? "" : executionNamePrefix(secret.arn);
    const outcome = textOption(given, "outcome") as ExecutionOutcome | undefined;
    const status = (textOption(given, "status") as ExecutionStatus | undefined) ?? STATUS_OF[outcome ?? ""];
    const names: string[] = [];
    const listed = listRuns(clients.sfn, stateMachineArn, status === undefined ? {} : { statusFilter: status });
    for await (const { name = "" } of listed) {
      // Which of them have that outcome tells each execution itself.
      if (outcome === undefined && names.length === limit) break;
      if (name.startsWith(prefix)) names.push(name);
    }
    const found: Found[] = [];
    for (const [index, name] of names.entries()) {
      if (found.length === limit) break;
      progress.say(`reading runs: ${index + 1} of ${names.length}`);
      const execution = await describeExecution(clients.sfn, stateMachineArn, name).finally(() => progress.clear());
      if (execution === undefined) continue;
      const how = outcomeOf(execution);
      if (outcome === undefined || how === outcome) found.push({ execution, ...rotationOf(execution), outcome: how });
    }
    const documents = found.map(({ execution, outcome, secretName, secretArn, token, mode }) => ({
      ...{ name: execution.name, arn: execution.arn, status: execution.status, outcome },
      ...{ secret: { name: secretName, arn: secretArn }, token, mode },
      ...{ startedAt: execution.startedAt, endedAt: execution.stoppedAt ?? null },
    }));
    output.list("rotor.runs/1", "runs", documents, () => {
      if (found.length === 0) return ["There is no such run."];
      const { colors } = output;
      const rows = found.map(({ execution, outcome, secretName, mode }) => {
        const { startedAt, stoppedAt, name } = execution;
        const took = startedAt && stoppedAt ? renderDuration(stoppedAt.getTime() - startedAt.getTime()) : "";
        return [when(startedAt), secretName, paintOutcome(outcome, colors), mode, took, name];
      });
      const table = renderTable(["STARTED", "SECRET", "OUTCOME", "MODE", "TOOK", "RUN"], rows, colors);
      return [...table, "", countsOf(found)];
    });
    return EXIT.done;
  },
});

// --- internal ---

/** With what status executions end so; RUNNING and DIED are several. */
const STATUS_OF: Readonly<Record<string, ExecutionStatus>> = {
  SUCCEEDED: "SUCCEEDED",
  IGNORED: "SUCCEEDED",
  REJECTED: "FAILED",
  ROLLED_BACK: "FAILED",
  NOT_CONVERGED: "FAILED",
  ROLLBACK_FAILED: "FAILED",
};

/** "20 runs: 17 SUCCEEDED, 3 ROLLED BACK": the most first. */
function countsOf(found: readonly Found[]): string {
  const counts = new Map<string, number>();
  for (const { outcome } of found) counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
  const told = [...counts].sort(([, one], [, other]) => other - one);
  return `${count(found.length, "run")}: ${told.map(([outcome, n]) => `${n} ${outcome.replaceAll("_", " ")}`).join(", ")}`;
}
