import type { Measured } from "../core/reconcile/drift.ts";
import type { Secret } from "../core/versions/secret.ts";
import { CliError } from "./cli-error.ts";
import type { CommandOption } from "./command.ts";
import { EXIT } from "./exit-status.ts";

export const UNTESTED: CommandOption = {
  flags: "--untested",
  description: "where nothing can try AWSCURRENT, such as without a strategy: you have tried it yourself",
};

/**
 * What is known of AWSCURRENT, once it may be relied on: it has just signed in, or nothing of ours can try it and a person says
 * that they have. What could be tried, and was not, is no reason to go on, whoever says so.
 *
 * @throws CliError it stays frozen
 */
export function requireSignIn({ name }: Secret, truth: Measured | undefined, isUntested: boolean): string {
  const current = truth?.current ?? "unknown";
  if (current === "accepted") return "AWSCURRENT signs in.";
  if (current !== "unknown") {
    const { why, todo } = WHY[current];
    throw new CliError(EXIT.blocked, `AWSCURRENT of ${name} has not signed in: ${why}. It stays frozen.`, todo);
  }
  if (isUntested) return "Nothing can try whether AWSCURRENT signs in, and you say that it does.";
  throw new CliError(
    EXIT.blocked,
    `Nothing can try whether AWSCURRENT of ${name} signs in: it stays frozen.`,
    `try it yourself; where it does: rotor unfreeze ${name} --untested`,
  );
}

// --- internal ---

const WHY: Readonly<Record<Exclude<Measured["current"], "accepted" | "unknown">, { why: string; todo: string }>> = {
  rejected: {
    why: "the target has refused it",
    todo: "make the target accept AWSCURRENT, or move AWSCURRENT to a version that it accepts (docs/runbooks.md#rollbackfailed)",
  },
  unreachable: {
    why: "the target does not answer",
    todo: "try again when it does (docs/runbooks.md#targetunavailable)",
  },
  "no value": { why: "it has no value that can be used", todo: "move AWSCURRENT to a version that the target accepts" },
  unreadable: {
    why: "its value could not be read",
    todo: "see which right the function roll-back lacks: its log, and rotor doctor",
  },
};
