import { randomUUID } from "node:crypto";
import { setMaxListeners } from "node:events";
import type { Clock } from "../clock.ts";
import type { Journal } from "../journal.ts";

/** One POST to an HTTP or HTTPS endpoint, as SNS makes it ("HTTP/HTTPS headers" in the Developer Guide). */
export interface HttpNotification {
  readonly type: "Notification" | "SubscriptionConfirmation";
  readonly messageId: string;
  readonly topicArn: string;
  /** Absent until the subscription is confirmed. */
  readonly subscriptionArn?: string;
  readonly endpoint: string;
  readonly raw: boolean;
  readonly body: string;
}

/** A notification that no try could deliver. `Reason` is a status code or the name of a network error. */
export interface Undelivered {
  readonly MessageId: string;
  readonly TopicArn: string;
  readonly Endpoint: string;
  readonly Reason: string;
}

export interface SnsDelivery {
  /** Returns before the request is made. */
  start(notification: HttpNotification): void;
  /** Takes back what an earlier process kept. Each delivery begins anew when `resumed` resolves true. */
  recover(resumed: Promise<boolean>): void;
  undelivered(): readonly Undelivered[];
  /** Resolves when no delivery is running or between two tries. */
  idle(): Promise<void>;
  /** Ends every delivery, a request under way included. */
  stop(): void;
}

/**
 * Delivery over HTTP with SNS's default policy: four tries 20 s apart, 15 s for an answer. A refusal (1xx to 4xx, except
 * 100, 101 and 429) is final ("Message delivery retries", Developer Guide).
 */
export function createSnsDelivery(clock: Clock, journal: Journal): SnsDelivery {
  const undelivered: Undelivered[] = [];
  const running = new Set<Promise<void>>();
  const stopping = new AbortController();
  // Whatever waits between two tries listens.
  setMaxListeners(0, stopping.signal);

  return {
    start(notification) {
      const pending = { id: randomUUID(), notification };
      journal.put(PENDING, pending.id, pending);
      begin(run(pending));
    },
    recover(resumed) {
      for (const pending of journal.kept<Pending>(PENDING)) {
        begin(resumed.then((isResumed) => (isResumed ? run(pending) : undefined)));
      }
    },
    undelivered: () => [...undelivered],
    async idle() {
      while (running.size > 0) await Promise.all(running);
    },
    stop: () => stopping.abort(),
  };

  function begin(delivering: Promise<void>): void {
    const work = delivering.finally(() => running.delete(work));
    running.add(work);
  }

  async function run({ id, notification }: Pending): Promise<void> {
    for (let retries = 0; !stopping.signal.aborted; retries += 1) {
      const failure = await clock.track(attempt(notification));
      // What was stopped is still to be delivered.
      if (stopping.signal.aborted) return;
      if (failure === undefined) return journal.remove(PENDING, id);
      if (failure.final || retries === RETRIES) {
        const { messageId: MessageId, topicArn: TopicArn, endpoint: Endpoint } = notification;
        undelivered.push({ MessageId, TopicArn, Endpoint, Reason: failure.reason });
        return journal.remove(PENDING, id);
      }
      await clock.sleep(PAUSE, "retry", stopping.signal);
    }
  }

  async function attempt(notification: HttpNotification): Promise<Failure | undefined> {
    const signal = AbortSignal.any([stopping.signal, AbortSignal.timeout(ANSWER_WITHIN)]);
    const { endpoint, body } = notification;
    try {
      const request = { method: "POST", headers: headersOf(notification), body, redirect: "manual", signal } as const;
      const response = await fetch(endpoint, request);
      await response.body?.cancel();
      if (response.ok) return undefined;
      const { status } = response;
      return { reason: String(status), final: status < 500 && status !== 429 && status > 101 };
    } catch (error) {
      return { reason: error instanceof Error ? error.name : "Error", final: false };
    }
  }
}

// --- internal ---

interface Pending {
  readonly id: string;
  readonly notification: HttpNotification;
}

const PENDING = "notification";

interface Failure {
  readonly reason: string;
  readonly final: boolean;
}

const RETRIES = 3;
/** Milliseconds. */
const PAUSE = 20_000;
const ANSWER_WITHIN = 15_000;

function headersOf({ type, messageId, topicArn, subscriptionArn, raw }: HttpNotification): Record<string, string> {
  return {
    "content-type": "text/plain; charset=UTF-8",
    "user-agent": "Amazon Simple Notification Service Agent",
    "x-amz-sns-message-type": type,
    "x-amz-sns-message-id": messageId,
    "x-amz-sns-topic-arn": topicArn,
    ...(subscriptionArn === undefined ? {} : { "x-amz-sns-subscription-arn": subscriptionArn }),
    ...(raw ? { "x-amz-sns-rawdelivery": "true" } : {}),
  };
}
