import type { SFNClient } from "@aws-sdk/client-sfn";
import type { Execution } from "../core/executions.ts";
import { readRun } from "../core/history.ts";
import { readHistory } from "../core/run-facts.ts";

/**
 * The version that a run has rotated from, as its Plan has recorded it; undefined where it ended before it had one.
 * @throws RotationError AccessDenied, Throttled, ServiceUnavailable
 */
export async function baseOf(sfn: SFNClient, { arn, facts }: Execution): Promise<string | undefined> {
  if (typeof facts["base"] === "string") return facts["base"];
  const { steps } = readRun((await readHistory(sfn, arn)) ?? []);
  const plan = steps.findLast(({ name }) => name === "Plan")?.assigned?.["plan"];
  const { base } = Object(plan) as { readonly base?: unknown };
  return typeof base === "string" ? base : undefined;
}
