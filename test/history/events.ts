import type { HistoryEvent } from "@aws-sdk/client-sfn";

export const START = Date.UTC(2026, 10, 23, 2, 0, 0);

/** Line by line: id, previousEventId, seconds after the start, type, details. */
export type Line = readonly [
  id: number,
  previous: number,
  seconds: number,
  type: NonNullable<HistoryEvent["type"]>,
  details?: Readonly<Record<string, unknown>>,
];

/** Events as GetExecutionHistory returns them. */
export function history(...lines: readonly Line[]): HistoryEvent[] {
  return lines.map(([id, previousEventId, seconds, type, details]) => ({
    id,
    previousEventId,
    timestamp: at(seconds),
    type,
    ...(details && { [detailsKey(type)]: details }),
  }));
}

export function at(seconds: number): Date {
  return new Date(START + seconds * 1000);
}

function detailsKey(type: string): string {
  if (type.endsWith("StateEntered")) return "stateEnteredEventDetails";
  if (type.endsWith("StateExited")) return "stateExitedEventDetails";
  return `${type.charAt(0).toLowerCase()}${type.slice(1)}EventDetails`;
}

/** The Cause of a Lambda function's error. */
export function lambdaCause(errorType: string, errorMessage: string): string {
  return JSON.stringify({ errorType, errorMessage, trace: [`${errorType}: ${errorMessage}`, "    at handler"] });
}
