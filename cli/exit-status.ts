import type { ExecutionOutcome } from "../core/executions.ts";

/**
 * What the process ends with. From 252 on, and 130, as the AWS CLI documents its own ("AWS CLI return codes"); 124 as timeout(1);
 * the others say how a rotation ended, so that a script need not read any text.
 */
export const EXIT = {
  /** Done; of a rotation: it succeeded. */
  done: 0,
  /** The command, or the rotation, was refused or ignored: nothing was changed, and the credential that was live is. */
  nothingChanged: 3,
  /** The rotation was rolled back: the old credential is live. */
  rolledBack: 4,
  /** A person has to act: the rollback failed, or the execution died before it had an outcome. */
  rollbackFailed: 5,
  /** The new credential is live, and not every dependent was seen on it. */
  notConverged: 6,
  /** `plan` or `doctor` has found something that keeps rotations from working. */
  blocked: 7,
  /** The time for waiting is over: the rotation goes on, or was not seen yet and may still begin. */
  timedOut: 124,
  /** Its terminal was closed: as Ctrl-C. */
  hungUp: 129,
  /** Ctrl-C: what was being watched goes on. */
  interrupted: 130,
  /** Whoever read standard output has closed it, and what was being done had not ended; as shells say it of SIGPIPE. */
  closedPipe: 141,
  /** kill(1) has ended it: as Ctrl-C. */
  terminated: 143,
  /** The command line is wrong. */
  usage: 252,
  /** The surroundings are: credentials, Region, configuration, no deployment. */
  environment: 253,
  /** AWS has refused or failed. */
  service: 254,
  /** Anything else. */
  general: 255,
} as const;

export type ExitStatus = (typeof EXIT)[keyof typeof EXIT];

/** The status that says how an execution has ended. One that runs was shown: that was all that was asked for. */
export function exitOf(outcome: ExecutionOutcome): ExitStatus {
  return BY_OUTCOME[outcome];
}

// --- internal ---

const BY_OUTCOME: Readonly<Record<ExecutionOutcome, ExitStatus>> = {
  RUNNING: EXIT.done,
  SUCCEEDED: EXIT.done,
  IGNORED: EXIT.nothingChanged,
  REJECTED: EXIT.nothingChanged,
  ROLLED_BACK: EXIT.rolledBack,
  ROLLBACK_FAILED: EXIT.rollbackFailed,
  DIED: EXIT.rollbackFailed,
  NOT_CONVERGED: EXIT.notConverged,
};
