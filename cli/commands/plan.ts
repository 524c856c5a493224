import type { Colors } from "../../core/terminal/run-text.ts";
import { renderTable } from "../../core/terminal/table.ts";
import { describeSecret } from "../../core/versions/secret.ts";
import { defineCommand } from "../command.ts";
import { EXIT } from "../exit-status.ts";
import type { PlannedStep } from "../planned-calls.ts";
import { type PlannedRotation, planRotation } from "../planning.ts";
import { distance } from "../times.ts";

/** A dry run: every call that a rotation would make, what is said to the target, who reads the secret, and what is in the way. */
export const plan = defineCommand({
  usage: "plan <secret>",
  summary: "say what a rotation would do, call by call, and what keeps it from being made; changes nothing",
  examples: ["plan orders/db/app", "plan orders/db/app --output json"],
  async run(session, { args: [secretId = ""] }) {
    // First: it says what is missing around the command.
    await session.deployment();
    const secret = await describeSecret(session.clients.secretsManager, secretId);
    const planned = await planRotation(session, secret);
    session.output.result("rotor.plan/1", documentOf(planned), () => linesOf(planned, session.output.colors));
    return planned.blocked === undefined ? EXIT.done : EXIT.blocked;
  },
});

// --- internal ---

function documentOf({ secret, class: of, policy, blocked, plan: decided, readers, ...rest }: PlannedRotation) {
  return {
    secret: { name: secret.name, arn: secret.arn, class: of.class },
    policy:
      policy === undefined
        ? null
        : { mode: policy.mode, strategy: policy.strategy ?? null, owner: policy.owner ?? null },
    blocked: blocked ?? null,
    decision:
      decided === undefined
        ? null
        : { decision: decided.decision, reason: decided.reason, waitSeconds: decided.waitSeconds },
    dependents: decided?.baseline ?? null,
    readers:
      typeof readers === "string"
        ? { unknown: readers }
        : { ...readers, since: readers.since ?? null, endedBy: readers.endedBy ?? null },
    statements: rest.statements ?? null,
    steps: rest.steps,
    rollback: rest.rollback,
    advice: [...new Set([...rest.advice, ...(decided?.advice ?? [])])],
  };
}

function linesOf(planned: PlannedRotation, colors: Colors): readonly string[] {
  const { secret, class: of, policy, blocked, plan: decided, steps, rollback, advice } = planned;
  const policyWords = policy === undefined ? "no policy" : [policy.mode, policy.strategy ?? "no strategy"].join(", ");
  const verdict =
    blocked === undefined
      ? colors.green(
          decided === undefined ? "Nothing is known that would keep it from being rotated." : decisionOf(decided),
        )
      : colors.red(`It would not be rotated: ${blocked.name}: ${blocked.message}`);
  return [
    `${colors.bold(secret.name)}  ${policyWords}  ${colors.dim("a dry run: nothing is changed")}`,
    of.said,
    verdict,
    ...dependentsOf(planned, colors),
    ...readersOf(planned),
    ...[...new Set([...advice, ...(decided?.advice ?? [])])].flatMap((each) => ["", each]),
    ...section("It would", steps, planned, colors),
    ...section("And where something fails from SetSecret on", rollback, planned, colors),
  ];
}

function decisionOf({ decision, reason, waitSeconds }: NonNullable<PlannedRotation["plan"]>): string {
  if (decision === "rotate") return "It would be rotated now.";
  if (decision === "wait") return `It would wait for ${waitSeconds} s: ${reason}.`;
  return `Plan decides "${decision}": ${reason}.`;
}

function dependentsOf({ plan: decided, policy }: PlannedRotation, colors: Colors): readonly string[] {
  const dependents = policy?.dependents ?? [];
  if (dependents.length === 0)
    return ["", "No dependent is declared: nobody is asked whether the new credential works for them."];
  const rows = dependents.map(({ name, kind, evidence, required }) => {
    const seen = decided?.baseline.find(({ dependent }) => dependent === name);
    return [name, kind, evidence, required ? "required" : "optional", seen?.health ?? "not asked", seen?.seen ?? ""];
  });
  return ["", ...renderTable(["DEPENDENT", "KIND", "EVIDENCE", "", "NOW", "SEEN"], rows, colors)];
}

function readersOf({ readers }: PlannedRotation): readonly string[] {
  if (typeof readers === "string") return ["", `Who reads the secret is not known: ${readers}`];
  const now = new Date();
  const reach =
    readers.since === undefined
      ? "there were none at all"
      : `of the newest ${readers.looked} of the account, back to ${readers.since.toISOString()}`;
  const cut = readers.endedBy === undefined ? [] : [`  There may be more: ${readers.endedBy}`];
  if (readers.readers.length === 0) return ["", `Nobody was seen reading its value (${reach}).`, ...cut];
  const seen = readers.readers.map(
    ({ name, times, lastAt }) => `  ${name}  ${times} times, last ${distance(lastAt, now)}`,
  );
  return ["", `Who has read its value (${reach}); each of them has to follow the rotation:`, ...seen, ...cut];
}

function section(
  title: string,
  steps: readonly PlannedStep[],
  { statements }: PlannedRotation,
  colors: Colors,
): readonly string[] {
  if (steps.length === 0) return [];
  const lines = steps.flatMap(({ step, by, calls, changes, asks = [] }) => [
    `  ${colors.bold(step)} ${colors.dim(`(${by})`)}`,
    ...asks.map((each) => `    asks ${each}`),
    ...calls.map(({ action, on }) => `    ${action}  ${on}`),
    ...(changes === undefined ? [] : (statements?.[changes] ?? []).map((each) => `    at the target: ${each}`)),
  ]);
  return ["", `${title}:`, ...lines];
}
