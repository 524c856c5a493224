import { EVENTS } from "../../core/notifications/names.ts";
import { holderOf } from "../../core/versions/secret.ts";
import type { TestDatabase } from "../support/database.ts";
import { type Labelled, openDoors } from "./doors.ts";
import type { KilledSecret } from "./secrets.ts";

export interface Before extends Labelled {
  /** Names of the secret's executions. */
  readonly executions: readonly string[];
}

/** When nothing is at work any more. */
export interface End extends Labelled {
  /** Those that there were not before; a rotation's repairs come after it. */
  readonly executions: readonly {
    readonly name: string;
    readonly token: string;
    readonly status: string;
    readonly error: string | undefined;
    readonly outcome: string;
  }[];
  /** What was ever told, as JSON. */
  readonly messages: readonly string[];
}

export interface Case {
  readonly database: TestDatabase;
  readonly secret: KilledSecret;
  readonly before: Before;
  readonly end: End;
  /** Of the request. */
  readonly token: string;
}

/** What does not hold of a rotation that is over, in sentences. However often it was killed, it ends as an undisturbed one. */
export async function violationsOf({ database, secret, before, end, token }: Case): Promise<readonly string[]> {
  const [execution, ...repairs] = end.executions;
  if (execution === undefined) return ["the rotation has no execution, so no outcome"];
  const expected = secret.broken ? "ROLLED_BACK" : "SUCCEEDED";
  const wrong: string[] = [];
  const expectSame = (what: string, is: unknown, shouldBe: unknown) => {
    const [seen, wanted] = [JSON.stringify(is), JSON.stringify(shouldBe)];
    if (seen !== wanted) wrong.push(`${what}: ${seen}, and not ${wanted}`);
  };

  expectSame("token", execution.token, token);
  // What a rotation has left behind, reconcile finishes by a repair, which is an execution with a name and an outcome of its own.
  const names = repairs.map((_, index) => `${execution.name}-r${index + 1}`);
  expectSame(
    "further executions",
    repairs.map(({ name }) => name),
    names,
  );
  for (const { name, outcome, status, error } of end.executions) {
    expectSame("outcome", outcome, expected);
    expectSame("end", [status, error], secret.broken ? ["FAILED", "RolledBack"] : ["SUCCEEDED", undefined]);
    expectSame("told", toldOf(name, end.messages), [`${name}:${expected} ${EVENTS[expected]}`]);
  }

  const holder = (labelled: Labelled, label: string) => holderOf(labelled.labels, label) ?? "nobody";
  const base = holder(before, "AWSCURRENT");
  const current = secret.broken ? base : execution.token;
  expectSame("AWSCURRENT", holder(end, "AWSCURRENT"), current);
  expectSame("AWSPREVIOUS", holder(end, "AWSPREVIOUS"), secret.broken ? holder(before, "AWSPREVIOUS") : base);
  // After a success it may stay where AWSCURRENT is.
  if (holder(end, "AWSPENDING") !== current) expectSame("AWSPENDING", holder(end, "AWSPENDING"), "nobody");
  if (secret.broken) expectSame("the candidate's labels", end.labels[execution.token], ["ROTATION_ROLLED_BACK"]);

  expectSame("doors that open", await openDoors(database, end), await doorsThatShould(current));
  expectSame("the dependent's version", secret.dependent.versionId(), current);
  return wrong;

  /** With alternating users the base's stays open, which AWSPREVIOUS is on; a rollback opens what was open before. */
  async function doorsThatShould(open: string): Promise<readonly string[]> {
    const hasBoth = secret.strategy === "postgres-alternating-users" && end.labels[previousOf()] !== undefined;
    return [...new Set(hasBoth ? [open, previousOf()] : [open])].sort();
  }

  function previousOf(): string {
    return secret.broken ? holder(before, "AWSPREVIOUS") : base;
  }
}

/** Every outcome that was told of the execution, each once. */
function toldOf(executionName: string, messages: readonly string[]): readonly string[] {
  const all = messages.map((message) => JSON.parse(message) as Told);
  const own = all.filter(
    ({ schema, rotation }) => schema === "rotation.notification/1" && rotation?.executionName === executionName,
  );
  return [...new Set(own.map(({ id, event }) => `${id} ${event}`))];
}

interface Told {
  readonly schema: string;
  readonly id: string;
  readonly event: string;
  readonly rotation?: { readonly executionName: string };
}
