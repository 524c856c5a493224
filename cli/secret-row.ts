import type { SecretRow } from "../view/wire.ts";
import type { BoardRow } from "./board.ts";

/** One secret as a document has it. */
export function secretRowOf({ secret, policy, owner, run, outcome, ...row }: BoardRow) {
  return {
    ...{ name: secret.name, arn: secret.arn, class: row.class },
    policy: policy === undefined ? null : { mode: policy.mode, strategy: policy.strategy ?? null },
    owner: owner ?? null,
    lastRun:
      run === undefined || outcome === undefined ? null : { name: run.name, outcome, endedAt: textOf(run.stoppedAt) },
    lastRotatedAt: textOf(secret.lastRotatedAt),
    currentSince: textOf(row.currentSince),
    nextAt: textOf(row.nextAt),
    overdueSeconds: Math.round(row.overdueMs / 1000),
    states: row.states,
  } satisfies SecretRow;
}

// --- internal ---

function textOf(date: Date | undefined): string | null {
  return date?.toISOString() ?? null;
}
