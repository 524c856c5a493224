import type { Execution } from "../engine/execution.ts";
import { detailsKey, detailsOf, type HistoryEvent } from "../engine/history.ts";
import { redriveRefusal, redrives } from "./states-redrive.ts";

/** What EventBridge is told whenever an execution starts, ends or is redriven (AWS, "Automating Step Functions event delivery with EventBridge"). */
export interface StatusChangeEvent {
  readonly source: "aws.states";
  readonly detailType: "Step Functions Execution Status Change";
  readonly resources: string[];
  readonly detail: Readonly<Record<string, unknown>>;
}

/** DescribeExecution's answer. `now` in milliseconds since the epoch. */
export function describe(execution: Execution, now: number) {
  const { record, status, stopDate, output, error, cause } = execution;
  const redriveStatusReason = redriveRefusal(execution, now);
  return {
    executionArn: record.executionArn,
    stateMachineArn: record.stateMachineArn,
    name: record.name,
    status,
    startDate: new Date(record.startDate),
    stopDate,
    input: record.input,
    inputDetails: { included: true },
    output,
    outputDetails: output === undefined ? undefined : { included: true },
    error,
    cause,
    ...redrives(execution),
    redriveStatus: redriveStatusReason === undefined ? "REDRIVABLE" : "NOT_REDRIVABLE",
    redriveStatusReason,
  };
}

/** `now` in milliseconds since the epoch. */
export function statusChange(execution: Execution, now: number): StatusChangeEvent {
  const { redriveDate, redriveStatusReason, startDate, stopDate, ...description } = describe(execution, now);
  return {
    source: "aws.states",
    detailType: "Step Functions Execution Status Change",
    resources: [execution.record.executionArn],
    detail: {
      ...description,
      startDate: startDate.getTime(),
      stopDate: stopDate?.getTime() ?? null,
      output: description.output ?? null,
      outputDetails: description.outputDetails ?? null,
      error: description.error ?? null,
      cause: description.cause ?? null,
      stateMachineVersionArn: null,
      stateMachineAliasArn: null,
      redriveDate: redriveDate?.getTime() ?? null,
      redriveStatusReason: redriveStatusReason ?? null,
    },
  };
}

/** The event without inputs, outputs, parameters, variables and causes. */
export function withoutData(event: HistoryEvent): HistoryEvent {
  const key = detailsKey(event.type);
  if (event[key] === undefined) return event;
  const kept = Object.entries(detailsOf(event)).filter(([name]) => !DATA.includes(name.replace(/Details$/, "")));
  return { ...event, [key]: Object.fromEntries(kept) };
}

/** What includeExecutionData = false leaves out. */
const DATA = ["input", "output", "parameters", "cause", "assignedVariables"];
