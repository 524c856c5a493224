import { expect } from "vitest";
import { EVENTS } from "../../core/notifications/names.ts";
import type { Notification } from "../../core/notifications/schema.ts";
import type { LabelTable, OUTCOMES } from "../../core/outcome.ts";
import { holderOf } from "../../core/versions/secret.ts";
import type { Run, TestSecret, World } from "./world.ts";

type Outcome = (typeof OUTCOMES)[number];
export type Told = Notification["json"];

/** How a rotation has to end. */
export interface End {
  readonly outcome: Outcome;
  /** All versions with all their labels; their order does not count. */
  readonly labels: LabelTable;
  /** The versions whose credential opens the door; those of the other labelled versions must not. */
  readonly opens: readonly string[];
  /** The error that began it, and the state it came from. */
  readonly error?: string;
  readonly failedIn?: string;
  /** False where telling was made impossible. Default true. */
  readonly isTold?: boolean;
  readonly repair?: number;
}

export interface Ended {
  readonly run: Run;
  /** The notification; absent where telling was made impossible. */
  readonly told: Told | undefined;
}

const ENDS: Readonly<Record<Outcome, { readonly status: string; readonly error?: string; readonly state: string }>> = {
  SUCCEEDED: { status: "SUCCEEDED", state: "Succeeded" },
  REJECTED: { status: "FAILED", error: "RotationRejected", state: "Rejected" },
  ROLLED_BACK: { status: "FAILED", error: "RolledBack", state: "RolledBack" },
  NOT_CONVERGED: { status: "FAILED", error: "NotConverged", state: "NotConverged" },
  ROLLBACK_FAILED: { status: "FAILED", error: "RollbackFailed", state: "RollbackFailed" },
};

/**
 * What holds of every rotation that has ended: one named outcome, the labels it promises and no others, the doors they
 * open, and one message about it.
 */
export async function expectEnd(world: World, secret: TestSecret, token: string, end: End): Promise<Ended> {
  const run = await world.run(secret, token, end.repair);
  const labels = await world.labels(secret);
  const messages = notificationsOf(world, run);
  const wanted = ENDS[end.outcome];
  const { status, error, output, cause } = run.execution;
  const facts = JSON.parse(output ?? cause ?? "{}") as Record<string, unknown>;
  // A repair was begun by no error of its own.
  const hasCause = end.outcome !== "SUCCEEDED" && end.repair === undefined;
  const anyCause = hasCause ? expect.any(String) : undefined;

  expect({
    execution: { status, error, state: run.path.at(-1) },
    facts: { outcome: facts["outcome"], token: facts["token"], error: facts["error"], failedIn: facts["failedIn"] },
    labels: sorted(labels),
    opens: await opening(world, secret, Object.keys(labels)),
    told: [...new Set(messages.map(({ id, event }) => `${id} ${event}`))],
  }).toEqual({
    execution: { status: wanted.status, error: wanted.error, state: wanted.state },
    facts: {
      outcome: end.outcome,
      token,
      error: end.error ?? anyCause,
      failedIn: end.failedIn ?? anyCause,
    },
    labels: sorted(end.labels),
    opens: [...end.opens].sort(),
    told: (end.isTold ?? true) ? [`${run.execution.name}:${end.outcome} ${EVENTS[end.outcome]}`] : [],
  });
  if (end.outcome !== "ROLLBACK_FAILED") expectNothingDangles(labels, token);
  return { run, told: messages[0] };
}

/** What was published about one execution. */
export function notificationsOf(world: World, run: Run): readonly Told[] {
  const all = world.notifications() as readonly unknown[] as readonly Told[];
  return all.filter(({ rotation }) => rotation.executionName === run.execution.name);
}

/** A version that did not become AWSCURRENT holds neither of the labels of a rotation that goes on. */
function expectNothingDangles(labels: LabelTable, token: string): void {
  if (holderOf(labels, "AWSCURRENT") === token) return;
  for (const label of ["AWSPENDING", "ROTATION_CANDIDATE"]) expect(labels[token] ?? []).not.toContain(label);
}

async function opening(world: World, secret: TestSecret, versionIds: readonly string[]): Promise<readonly string[]> {
  const doors = await Promise.all(
    versionIds.map(async (versionId) => ((await opensDoor(world, secret, versionId)) ? [versionId] : [])),
  );
  return doors.flat().sort();
}

/** A version without a login in it opens nothing. */
async function opensDoor(world: World, secret: TestSecret, versionId: string): Promise<boolean> {
  try {
    const password: unknown = await world.password(secret, versionId);
    return typeof password === "string" && (await world.signsIn(secret, versionId));
  } catch (error) {
    if (error instanceof SyntaxError || (error as Error).name === "ResourceNotFoundException") return false;
    throw error;
  }
}

function sorted(labels: LabelTable): LabelTable {
  return Object.fromEntries(Object.entries(labels).map(([versionId, held]) => [versionId, [...held].sort()]));
}
