import { GetExecutionHistoryCommand, type HistoryEvent, type SFNClient } from "@aws-sdk/client-sfn";
import * as z from "zod/mini";
import { fromAwsError, hasName } from "./aws.ts";
import type { Run } from "./history.ts";
import type { OutcomeFacts } from "./outcome.ts";
import { readFacts, workflowReport } from "./outcome-facts.ts";

/**
 * Every event of an execution, oldest first; undefined where there is no such execution (yet).
 * @throws RotationError AccessDenied, Throttled, ServiceUnavailable
 */
export async function readHistory(sfn: SFNClient, executionArn: string): Promise<readonly HistoryEvent[] | undefined> {
  const events: HistoryEvent[] = [];
  let nextToken: string | undefined;
  do {
    const request = { executionArn, maxResults: 1000, ...(nextToken === undefined ? {} : { nextToken }) };
    const page = await sfn.send(new GetExecutionHistoryCommand(request)).catch((error: unknown) => {
      if (hasName(error, "ExecutionDoesNotExist")) return undefined;
      throw fromAwsError(error, `states:GetExecutionHistory of ${executionArn}`);
    });
    if (page === undefined) return undefined;
    events.push(...(page.events ?? []));
    nextToken = page.nextToken;
  } while (nextToken !== undefined);
  return events;
}

/**
 * What the function notify was told last, which is how the rotation ended. Undefined: the execution has not come so far, or the
 * history was read without its data. Pure.
 */
export function factsOf(run: Run): OutcomeFacts | undefined {
  const request = run.steps.findLast(({ name }) => name.startsWith("Notify"))?.request;
  const parsed = notifyRequest.safeParse(request);
  return parsed.success ? readFacts(parsed.data.Payload) : undefined;
}

// --- internal ---

const notifyRequest = z.looseObject({ Payload: workflowReport });
