import { createHash } from "node:crypto";
import { BranchCut } from "./failure.ts";
import { detailsOf, type EventDetails, type HistoryEvent } from "./history.ts";
import type { Visit } from "./visit.ts";

/** How an attempt of a task ended, before it is recorded. */
export interface Ending {
  readonly type: "TaskSucceeded" | "TaskFailed" | "TaskTimedOut";
  readonly details: EventDetails;
}

/** A task that waits for SendTaskSuccess or SendTaskFailure. */
export interface WaitingTask {
  /** Records how it ended, at once: the token is used up. False when it had ended before. */
  end(ending: Ending): boolean;
  heartbeat(): void;
}

/** The token of the attempt that runs now. It is the same after a restart, and another one after a retry or redrive. */
export function taskToken({ run, branch, entered, retryCount }: Visit): string {
  const attempt = [run.record.executionArn, entered.id, branch.history.redrives.length, retryCount];
  return encode(JSON.stringify(attempt));
}

/** The execution that the token is of; undefined when it is no token of this account's making. */
export function executionOfToken(token: string): string | undefined {
  const content = Buffer.from(token, "base64").toString().slice(DIGEST_LENGTH);
  return encode(content) === token ? String(JSON.parse(content)[0]) : undefined;
}

export interface TokenAttempt {
  readonly token: string;
  readonly scheduled: HistoryEvent;
  readonly started: HistoryEvent;
  /** The function has answered: only the token is waited for. */
  readonly submitted: boolean;
  /** Members of every event of the attempt. */
  readonly tag: EventDetails;
  /** Calls the function. */
  readonly submit: (signal: AbortSignal) => Promise<Ending>;
}

/**
 * Calls the function, unless an earlier process did, and waits until the token comes back, TimeoutSeconds have passed
 * since the start or HeartbeatSeconds since the last heartbeat. Returns the event that says so. A token that comes back
 * before the function has answered ends the task all the same; then there is no TaskSubmitted.
 *
 * A lost heartbeat is recorded as States.Timeout (recorded on AWS: localstack test_callback.py, 2023-06-25). Heartbeats
 * leave no event: after a restart the time begins anew.
 * @throws StateFailure States.Runtime as History.record
 * @throws BranchCut
 */
export async function waitForToken(visit: Visit, attempt: TokenAttempt): Promise<HistoryEvent> {
  const { branch, run } = visit;
  const { clock } = run.surroundings;
  const { token, started, tag } = attempt;
  const { timeoutInSeconds, heartbeatInSeconds } = detailsOf(attempt.scheduled);
  await branch.live();

  const over = new AbortController();
  return await new Promise((resolve, reject) => {
    const leave = () => {
      branch.signal.removeEventListener("abort", cut);
      run.waiting.delete(token);
      branch.waits = false;
      over.abort(OVER);
    };
    const fail = (error: unknown) => {
      leave();
      reject(error);
    };
    const cut = () => fail(new BranchCut());
    const end = ({ type, details }: Ending): boolean => {
      if (over.signal.aborted) return false;
      leave();
      try {
        resolve(branch.record(type, { ...tag, ...details }));
      } catch (error) {
        reject(error);
      }
      return true;
    };
    const onlyTokenLeft = () => {
      branch.waits = true;
      run.moved();
    };
    const submit = async () => {
      const answer = await clock.track(attempt.submit(over.signal));
      if (over.signal.aborted) return;
      if (answer.type !== "TaskSucceeded") {
        end(answer);
        return;
      }
      branch.record("TaskSubmitted", { ...tag, ...answer.details });
      onlyTokenLeft();
    };

    let lastBeat = clock.now();
    const watchHeartbeats = async (milliseconds: number) => {
      let left = milliseconds;
      while (left > 0) {
        if (!(await clock.sleep(left, "timeout", over.signal))) return;
        left = lastBeat + milliseconds - clock.now();
      }
      end(TIMED_OUT);
    };
    const watchTimeout = async (due: number) => {
      if (await clock.sleep(due - clock.now(), "timeout", over.signal)) end(TIMED_OUT);
    };

    branch.signal.addEventListener("abort", cut, { once: true });
    run.waiting.set(token, {
      end,
      heartbeat: () => {
        lastBeat = clock.now();
      },
    });
    if (timeoutInSeconds !== undefined)
      void watchTimeout(started.timestamp.getTime() + Number(timeoutInSeconds) * 1000);
    if (heartbeatInSeconds !== undefined) void watchHeartbeats(Number(heartbeatInSeconds) * 1000);
    if (attempt.submitted) onlyTokenLeft();
    else submit().catch(fail);
  });
}

/** Whether a TaskTimedOut is a lost heartbeat: it came before TimeoutSeconds had passed. */
export function isLostHeartbeat(scheduled: HistoryEvent, started: HistoryEvent, ended: HistoryEvent): boolean {
  const { timeoutInSeconds, heartbeatInSeconds } = detailsOf(scheduled);
  if (ended.type !== "TaskTimedOut" || heartbeatInSeconds === undefined) return false;
  if (timeoutInSeconds === undefined) return true;
  return ended.timestamp.getTime() - started.timestamp.getTime() < Number(timeoutInSeconds) * 1000;
}

const TIMED_OUT: Ending = { type: "TaskTimedOut", details: { error: "States.Timeout" } };

/** The default reason would build a DOMException with its stack for every task. */
const OVER = Symbol("over");

const DIGEST_LENGTH = 32;

function encode(content: string): string {
  const digest = createHash("sha256").update(content).digest("hex").slice(0, DIGEST_LENGTH);
  return Buffer.from(`${digest}${content}`).toString("base64");
}
