import type { Execution } from "../engine/execution.ts";
import { detailsKey, detailsOf, type HistoryEvent } from "../engine/history.ts";

/** What EventBridge is told whenever an execution starts or ends (AWS, "Automating Step Functions event delivery with EventBridge"). */
export interface StatusChangeEvent {
  readonly source: "aws.states";
  readonly detailType: "Step Functions Execution Status Change";
  readonly resources: string[];
  readonly detail: Readonly<Record<string, unknown>>;
}

/** DescribeExecution's answer. */
export function describe({ record, status, stopDate, output, error, cause }: Execution) {
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
    redriveCount: 0,
    redriveStatus: "NOT_REDRIVABLE",
    redriveStatusReason:
      status === "RUNNING"
        ? "Execution is RUNNING and cannot be redriven"
        : "The embedded account does not redrive executions",
  };
}

export function statusChange(execution: Execution): StatusChangeEvent {
  const { redriveStatusReason, startDate, stopDate, ...description } = describe(execution);
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
      redriveDate: null,
      redriveStatusReason,
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
