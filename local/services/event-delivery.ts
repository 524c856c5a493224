import { setMaxListeners } from "node:events";
import { setImmediate as afterTheCaller } from "node:timers/promises";
import type { Clock } from "../clock.ts";
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
export function createEventDelivery({ clock, deliver, chaos: initially = {} }: DeliveryOptions): EventDelivery {
  let chaos = initially;
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
        const work = run({ ruleArn, target, event, delayMs, held }).finally(() => running.delete(work));
        running.add(work);
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

  async function run(delivery: Delivery): Promise<void> {
    const accepted = clock.now();
    if (delivery.held !== undefined) await delivery.held;
    if (delivery.delayMs > 0) await clock.sleep(delivery.delayMs, "wait", stopping.signal);
    const { MaximumRetryAttempts: mostRetries = 185, MaximumEventAgeInSeconds: mostSeconds = 86_400 } =
      delivery.target.RetryPolicy ?? {};
    for (let retries = 0; !stopping.signal.aborted; retries += 1) {
      const error = await clock.track(attempt(delivery));
      if (error === undefined) return;
      const code = NOT_RETRIED.get(error.name);
      if (code !== undefined) return giveUp(delivery, error, { ERROR_CODE: code, RETRY_ATTEMPTS: retries });
      const last = { ERROR_CODE: error.name, RETRY_ATTEMPTS: retries };
      if (retries >= mostRetries) {
        return giveUp(delivery, error, { ...last, EXHAUSTED_RETRY_CONDITION: "MaximumRetryAttempts" });
      }
      const pause = Math.min(1000 * 2 ** retries, LONGEST_PAUSE);
      if (clock.now() + pause - accepted > mostSeconds * 1000) {
        return giveUp(delivery, error, { ...last, EXHAUSTED_RETRY_CONDITION: "MaximumEventAgeInSeconds" });
      }
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

  function giveUp({ ruleArn, target, event }: Delivery, error: Error, reason: Reason): void {
    const place = { RULE_ARN: ruleArn, TARGET_ARN: target.Arn, ERROR_MESSAGE: error.message };
    const queueArn = target.DeadLetterConfig?.Arn;
    deadLetters.push({ ...place, ...reason, event, ...(queueArn === undefined ? {} : { queueArn }) });
  }
}

// --- internal ---

interface Delivery {
  readonly ruleArn: string;
  readonly target: EventTarget;
  readonly event: BusEvent;
  readonly delayMs: number;
  readonly held: Promise<void> | undefined;
}

type Reason = Pick<DeadLetter, "ERROR_CODE" | "EXHAUSTED_RETRY_CONDITION" | "RETRY_ATTEMPTS">;

/** Milliseconds. AWS publishes 185 retries in 24 h but not the pauses; with this cap the two end together. */
const LONGEST_PAUSE = 480_000;

/** The target or the permission is missing: more tries cannot help. */
const NOT_RETRIED: ReadonlyMap<string, string> = new Map([
  ["ResourceNotFoundException", "NO_RESOURCE"],
  ["AccessDeniedException", "NO_PERMISSIONS"],
]);
