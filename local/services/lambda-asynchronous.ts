import { randomUUID } from "node:crypto";
import type { Clock } from "../clock.ts";
import type { Journal } from "../journal.ts";
import { LOST } from "./lambda-environment.ts";
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
}

export interface AsynchronousInvocationsOptions {
  readonly clock: Clock;
  /** Once it is aborted no invocation is tried again, and none is given up. */
  readonly stopped: AbortSignal;
  /** Makes one try. Resolves undefined when there is no such function any more: its invocations are gone with it. */
  readonly invoke: (invocation: AsynchronousInvocation, requestId: string) => Promise<InvokeResult | undefined>;
  readonly journal: Journal;
}

export interface AsynchronousInvocations {
  /** Returns before the function is invoked. */
  start(invocation: AsynchronousInvocation): void;
  /**
   * Takes back what an earlier process kept, and goes on when `resumed` resolves true. A try that ran when that process ended is
   * one of the three, and the next follows at once: Lambda does not wait after a fault of its own.
   */
  recover(resumed: Promise<boolean>): void;
  /** All, or those of one destination, oldest first. */
  deadLetters(destination?: string): readonly DeadInvocation[];
  /** Resolves when no invocation is running or between two tries. */
  idle(): Promise<void>;
}

/** Lambda tries an asynchronous invocation three times: again after 1 and after 2 minutes. */
const ASYNC_RETRY_MS = [60_000, 120_000];

interface Pending extends AsynchronousInvocation {
  readonly requestId: string;
  /** Those that have begun. */
  readonly tries: number;
  /** When the next one is to begin, in milliseconds since the epoch. */
  readonly due: number;
}

interface DeadLetter {
  readonly destination: string | undefined;
  readonly record: DeadInvocation;
}

const PENDING = "invocation";
const DEAD = "dead-invocation";

export function createAsynchronousInvocations(options: AsynchronousInvocationsOptions): AsynchronousInvocations {
  const { clock, stopped, journal } = options;
  const deadLetters: DeadLetter[] = [];
  const background = new Set<Promise<void>>();

  return {
    start(invocation) {
      begin(run({ ...invocation, requestId: randomUUID(), tries: 0, due: 0 }));
    },
    recover(resumed) {
      deadLetters.push(...journal.kept<DeadLetter>(DEAD));
      for (const pending of journal.kept<Pending>(PENDING)) {
        begin(resumed.then((isResumed) => (isResumed ? run(pending) : undefined)));
      }
    },
    deadLetters: (destination) =>
      deadLetters
        .filter((each) => destination === undefined || each.destination === destination)
        .map(({ record }) => record),
    async idle() {
      while (background.size > 0) await Promise.all(background);
    },
  };

  function begin(running: Promise<void>): void {
    const work = running.finally(() => background.delete(work));
    background.add(work);
  }

  /** The three tries share one request id, as on AWS. */
  async function run(pending: Pending): Promise<void> {
    const { requestId } = pending;
    let { tries, due } = pending;
    let last: InvokeResult | undefined = LOST;
    while (tries <= ASYNC_RETRY_MS.length) {
      const left = due - clock.now();
      if (left > 0 && !(await clock.sleep(left, "retry", stopped))) return;
      if (stopped.aborted) return;
      tries += 1;
      journal.put(PENDING, requestId, { ...pending, tries, due: 0 });
      last = await clock.track(options.invoke(pending, requestId));
      // What was stopped is still to be done.
      if (stopped.aborted) return;
      if (last?.FunctionError === undefined) return journal.remove(PENDING, requestId);
      due = clock.now() + (ASYNC_RETRY_MS[tries - 1] ?? 0);
      journal.put(PENDING, requestId, { ...pending, tries, due });
    }
    giveUp(pending, last);
  }

  function giveUp(pending: Pending, last: InvokeResult): void {
    const letter = { destination: pending.destination, record: deadInvocation(pending, pending.requestId, last) };
    deadLetters.push(letter);
    journal.together(() => {
      journal.remove(PENDING, pending.requestId);
      journal.put(DEAD, pending.requestId, letter);
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
