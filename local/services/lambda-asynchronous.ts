import { randomUUID } from "node:crypto";
import type { Clock } from "../clock.ts";
import type { InvokeResult } from "./service.ts";

/**
 * An asynchronous invocation that was given up, as Lambda tells it to an on-failure destination ("Capturing records of
 * Lambda asynchronous invocations", Developer Guide).
 */
export interface DeadInvocation {
  readonly version: "1.0";
  /** ISO 8601 with milliseconds. */
  readonly timestamp: string;
  readonly requestContext: {
    readonly requestId: string;
    /** With its qualifier. */
    readonly functionArn: string;
    readonly condition: "RetriesExhausted";
    readonly approximateInvokeCount: number;
  };
  readonly requestPayload: unknown;
  readonly responseContext: {
    readonly statusCode: number;
    readonly executedVersion: string;
    readonly functionError: "Unhandled";
  };
  /** {errorType, errorMessage, trace} of the last try. */
  readonly responsePayload: unknown;
}

export interface AsynchronousInvocation {
  readonly functionArn: string;
  /** JSON text. */
  readonly payload: string;
  /** The on-failure destination's ARN. Absent: on AWS what is given up would be gone. */
  readonly destination?: string | undefined;
  /** Makes one try, with the payload. */
  readonly invoke: (requestId: string) => Promise<InvokeResult>;
}

export interface AsynchronousInvocations {
  /** Returns before the function is invoked. */
  start(invocation: AsynchronousInvocation): void;
  /** All, or those of one destination, oldest first. */
  deadLetters(destination?: string): readonly DeadInvocation[];
  /** Resolves when no invocation is running or between two tries. */
  idle(): Promise<void>;
}

/** Lambda tries an asynchronous invocation three times: again after 1 and after 2 minutes. */
const ASYNC_RETRY_MS = [60_000, 120_000];

/** Asynchronous invocations. Once `stopped` is aborted none is tried again, and none is given up. */
export function createAsynchronousInvocations(clock: Clock, stopped: AbortSignal): AsynchronousInvocations {
  const deadLetters: { readonly destination: string | undefined; readonly record: DeadInvocation }[] = [];
  const background = new Set<Promise<void>>();

  return {
    start(invocation) {
      const work = run(invocation);
      background.add(work);
      void work.finally(() => background.delete(work));
    },
    deadLetters: (destination) =>
      deadLetters
        .filter((each) => destination === undefined || each.destination === destination)
        .map(({ record }) => record),
    async idle() {
      while (background.size > 0) await Promise.all(background);
    },
  };

  /** The three tries share one request id, as on AWS. */
  async function run(invocation: AsynchronousInvocation): Promise<void> {
    const requestId = randomUUID();
    let last: InvokeResult | undefined;
    for (const pause of [0, ...ASYNC_RETRY_MS]) {
      if (pause > 0 && !(await clock.sleep(pause, "retry", stopped))) return;
      if (stopped.aborted) return;
      last = await clock.track(invocation.invoke(requestId));
      if (last.FunctionError === undefined) return;
    }
    if (last === undefined || stopped.aborted) return;
    deadLetters.push({
      destination: invocation.destination,
      record: deadInvocation(invocation, requestId, last),
    });
  }

  function deadInvocation(
    { functionArn, payload }: AsynchronousInvocation,
    requestId: string,
    last: InvokeResult,
  ): DeadInvocation {
    return {
      version: "1.0",
      timestamp: new Date(clock.now()).toISOString(),
      requestContext: {
        ...{ requestId, functionArn: `${functionArn}:${last.ExecutedVersion}`, condition: "RetriesExhausted" },
        approximateInvokeCount: 1 + ASYNC_RETRY_MS.length,
      },
      requestPayload: JSON.parse(payload),
      responseContext: {
        ...{ statusCode: last.StatusCode, executedVersion: last.ExecutedVersion },
        functionError: "Unhandled",
      },
      responsePayload: last.Payload,
    };
  }
}
