import type { Run } from "../../core/history.ts";

/** How often something was tried again in a run, and how long that was waited for, in ms. Pure. */
export function retriesOf(run: Run): { readonly count: number; readonly waitedMs: number } {
  let count = 0;
  let waitedMs = 0;
  for (const { attempts, type } of run.steps) {
    if (type !== "Task") continue;
    for (const [index, attempt] of attempts.entries()) {
      const before = attempts[index - 1];
      if (before?.error === undefined || before.endedAt === undefined) continue;
      count += 1;
      waitedMs += Math.max(0, attempt.startedAt.getTime() - before.endedAt.getTime());
    }
  }
  return { count, waitedMs };
}
