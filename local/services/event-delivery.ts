import { randomUUID } from "node:crypto";
import { setMaxListeners } from "node:events";
import { setImmediate as afterTheCaller } from "node:timers/promises";
import type { Clock } from "../clock.ts";
import { type Journal, NO_JOURNAL } from "../journal.ts";
import type { BusEvent } from "./service.ts";

/** What a rule's target is, as PutTargets takes it. */
export interface EventTarget {
  readonly Id: string;
  readonly Arn: string;
  /** JSON text the target receives in place of the event. */
  readonly Input?: string;
  readonly RetryPolicy?: { readonly MaximumRetryAttempts?: number; readonly MaximumEventAgeInSeconds?: number };
  readonly DeadLetterConfig?: { readonly Arn?: string };
}

export interface DeliveryOptions {
  readonly clock: Clock;
  /**
   * Invokes one target with what it receives: a copy of the event of its own, or its `Input`. Rejecting means "not
   * delivered": ResourceNotFoundException and AccessDeniedException go to the dead letters at once, as on AWS; any
   * other error is retried.
   */
  deliver(target: EventTarget, event: unknown): Promise<void>;
  /** What is done to deliveries from the start. Default: nothing. */
  readonly chaos?: EventChaos;
  /** Keeps what has been accepted and not yet delivered, and the dead letters. Default: they end with the process. */
  readonly journal?: Journal;
}

/** What best-effort, at-least-once, unordered delivery may do to an event, for tests. Each member is asked per target. */
export interface EventChaos {
  /** How often the target is given the event: 1 if absent, 0 loses it, 2 doubles it. */
  copies?(event: BusEvent, target: EventTarget): number;
  /**
   * Milliseconds of the account's time before copy number `copy`, from 0, is first delivered. Different delays change the
   * order of events; copies with different delays arrive apart.
   */
  delayMs?(event: BusEvent, copy: number, target: EventTarget): number;
  /** Holds one delivery back until the promise, which must not reject, resolves. Virtual time goes on meanwhile. */
  hold?(event: BusEvent): Promise<void> | undefined;
}

/** A delivery given up, with the attributes AWS puts on the message ("Using dead-letter queues", User Guide). */
export interface DeadLetter {
  readonly RULE_ARN: string;
  readonly TARGET_ARN: string;
  readonly ERROR_CODE: string;
  readonly ERROR_MESSAGE: string;
  readonly EXHAUSTED_RETRY_CONDITION?: "MaximumRetryAttempts" | "MaximumEventAgeInSeconds";
  readonly RETRY_ATTEMPTS: number;
  readonly event: BusEvent;
  /** The target's `DeadLetterConfig.Arn`. Absent: on AWS the event would be gone. */
  readonly queueArn?: string;
}

export interface EventDelivery {
  /** Returns before the target is invoked, for every copy there is to be. */
  start(ruleArn: string, target: EventTarget, event: BusEvent): void;
  /** Takes back what an earlier process kept. Each delivery goes on with the tries that are left, when `resumed` resolves true. */
  recover(resumed: Promise<boolean>): void;
  /** All, or those of one queue. */
  deadLetters(queueArn?: string): readonly DeadLetter[];
  /** Does this to deliveries that start from now on, in place of what was being done, until disposed. */
  disturb(chaos: EventChaos): Disposable;
  /** Resolves when no delivery is held, delayed, running or between two tries. */
  idle(): Promise<void>;
  /** Ends every delivery between two tries. No target is invoked after it. */
  stop(): void;
}

/** At-least-once delivery: retried by the target's RetryPolicy with growing pauses, then a dead letter. */
export function createEventDelivery(options: DeliveryOptions): EventDelivery {
  const { clock, deliver, journal = NO_JOURNAL } = options;
  let chaos = options.chaos ?? {};
  const deadLetters: DeadLetter[] = [];
  const running = new Set<Promise<void>>();
  const stopping = new AbortController();
  // Whatever waits between two tries listens.
  setMaxListeners(0, stopping.signal);

  return {
    start(ruleArn, target, event) {
      const copies = chaos.copies?.(event, target) ?? 1;
      for (let copy = 0; copy < copies; copy += 1) {
        const delayMs = chaos.delayMs?.(event, copy, target) ?? 0;
        const held = chaos.hold?.(event);
        const delivery = { id: randomUUID(), ruleArn, target, event, accepted: clock.now(), retries: 0 };
        journal.put(PENDING, delivery.id, delivery);
        begin(run(delivery, delayMs, held));
      }
    },
    recover(resumed) {
      deadLetters.push(...journal.kept<DeadLetter>(DEAD));
      for (const delivery of journal.kept<Delivery>(PENDING)) {
        begin(resumed.then((isResumed) => (isResumed ? run(delivery) : undefined)));
      }
    },
    deadLetters: (queueArn) => deadLetters.filter((each) => queueArn === undefined || each.queueArn === queueArn),
    disturb(next) {
      const before = chaos;
      chaos = next;
      return {
        [Symbol.dispose]() {
          chaos = before;
        },
      };
    },
    async idle() {
      while (running.size > 0) await Promise.all(running);
    },
    stop: () => stopping.abort(),
  };

  function begin(delivering: Promise<void>): void {
    const work = delivering.finally(() => running.delete(work));
    running.add(work);
  }

  async function run(delivery: Delivery, delayMs = 0, held?: Promise<void>): Promise<void> {
    if (held !== undefined) await held;
    if (delayMs > 0) await clock.sleep(delayMs, "wait", stopping.signal);
    const { MaximumRetryAttempts: mostRetries = 185, MaximumEventAgeInSeconds: mostSeconds = 86_400 } =
      delivery.target.RetryPolicy ?? {};
    for (let { retries } = delivery; !stopping.signal.aborted; retries += 1) {
      const error = await clock.track(attempt(delivery));
      // What was stopped is still to be delivered.
      if (stopping.signal.aborted) return;
      if (error === undefined) return journal.remove(PENDING, delivery.id);
      const code = NOT_RETRIED.get(error.name);
      if (code !== undefined) return giveUp(delivery, error, { ERROR_CODE: code, RETRY_ATTEMPTS: retries });
      const last = { ERROR_CODE: error.name, RETRY_ATTEMPTS: retries };
      if (retries >= mostRetries) {
        return giveUp(delivery, error, { ...last, EXHAUSTED_RETRY_CONDITION: "MaximumRetryAttempts" });
      }
      const pause = Math.min(1000 * 2 ** retries, LONGEST_PAUSE);
      if (clock.now() + pause - delivery.accepted > mostSeconds * 1000) {
        return giveUp(delivery, error, { ...last, EXHAUSTED_RETRY_CONDITION: "MaximumEventAgeInSeconds" });
      }
      journal.put(PENDING, delivery.id, { ...delivery, retries: retries + 1 });
      await clock.sleep(pause, "retry", stopping.signal);
    }
  }

  async function attempt({ target, event }: Delivery): Promise<Error | undefined> {
    await afterTheCaller();
    if (stopping.signal.aborted) return undefined;
    try {
      await deliver(target, target.Input === undefined ? structuredClone(event) : JSON.parse(target.Input));
      return undefined;
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error));
    }
  }

  function giveUp({ id, ruleArn, target, event }: Delivery, error: Error, reason: Reason): void {
    const place = { RULE_ARN: ruleArn, TARGET_ARN: target.Arn, ERROR_MESSAGE: error.message };
    const queueArn = target.DeadLetterConfig?.Arn;
    const letter = { ...place, ...reason, event, ...(queueArn === undefined ? {} : { queueArn }) };
    deadLetters.push(letter);
    journal.together(() => {
      journal.remove(PENDING, id);
      journal.put(DEAD, id, letter);
    });
  }
}

// --- internal ---

interface Delivery {
  readonly id: string;
  readonly ruleArn: string;
  readonly target: EventTarget;
  readonly event: BusEvent;
  /** Milliseconds since the epoch. */
  readonly accepted: number;
  readonly retries: number;
}

const PENDING = "event-delivery";
const DEAD = "event-dead-letter";

type Reason = Pick<DeadLetter, "ERROR_CODE" | "EXHAUSTED_RETRY_CONDITION" | "RETRY_ATTEMPTS">;

/** Milliseconds. AWS publishes 185 retries in 24 h but not the pauses; with this cap the two end together. */
const LONGEST_PAUSE = 480_000;

/** The target or the permission is missing: more tries cannot help. */
const NOT_RETRIED: ReadonlyMap<string, string> = new Map([
  ["ResourceNotFoundException", "NO_RESOURCE"],
  ["AccessDeniedException", "NO_PERMISSIONS"],
]);
