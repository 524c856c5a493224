import { rotateOnce, type Situation, situation } from "../../support/situation.ts";
import { beforeEffect, breakStep, failStep } from "../../support/step-faults.ts";
import { startWorld, type World } from "../../support/world.ts";
import { runOf } from "./held.ts";

/** An account with one run of each of three outcomes, of secrets with dependents, with tries that have failed before. */
export interface Story extends AsyncDisposable {
  readonly world: World;
  readonly secrets: Readonly<Record<Outcome, Situation>>;
  /** By how they have ended, the runs' names. */
  readonly runs: Readonly<Record<Outcome, string>>;
}

export const OUTCOMES = ["succeeded", "rolled-back", "rollback-failed"] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** How long it may take until it is told, where other files are at work. */
export const STORY_MS = 180_000;

export async function tellStory(): Promise<Story> {
  // Rotations jump over what they wait for: it is all in the past when it is looked at. What could be repaired is left.
  const world = await startWorld({ startsAgoMs: 120_000, loses: ({ source }) => source === "aws.states" });
  const make = (name: string, owner: string, dependents: readonly string[]) =>
    situation(world, {
      name,
      mode: "driven",
      policy: { owner },
      dependents: Object.fromEntries(dependents.map((each, index) => [each, index === 0 ? "reload" : "cache"])),
    });
  const secrets = {
    succeeded: await make("orders/db/app", "orders", ["orders-api", "orders-mailer"]),
    "rolled-back": await make("billing/db/app", "billing", ["billing-api", "billing-worker", "invoices-api"]),
    "rollback-failed": await make("reports/db/app", "reports", ["reports-api", "reports-export"]),
  };
  using _ = takeTime(world);
  {
    const secret = secrets.succeeded;
    using _set = failStep(world, secret, "SetSecret", [beforeEffect("TargetUnavailable")]);
    await rotateOnce(world, secret);
  }
  {
    const secret = secrets["rolled-back"];
    const worker = secret.dependents["billing-worker"];
    using _test = failStep(world, secret, "TestSecret", [beforeEffect("TargetUnavailable")]);
    if (worker !== undefined) worker.faults.refresh = 422;
    await rotateOnce(world, secret);
    if (worker !== undefined) delete worker.faults.refresh;
  }
  {
    const secret = secrets["rollback-failed"];
    const unseen = "DependentUnhealthy: reports-export has not signed in with the new version since it was promoted.";
    const denied = "AccessDenied: secretsmanager:UpdateSecretVersionStage of reports/db/app is not allowed.";
    using _broken = breakStep(world, secret, "ConfirmEvidence", beforeEffect(unseen));
    using _back = breakStep(world, secret, "RollBack", beforeEffect(denied));
    await rotateOnce(world, secret);
  }
  const runs = {
    succeeded: runOf(secrets.succeeded),
    "rolled-back": runOf(secrets["rolled-back"]),
    "rollback-failed": runOf(secrets["rollback-failed"]),
  };
  return { world, secrets, runs, [Symbol.asyncDispose]: () => world[Symbol.asyncDispose]() };
}

// --- internal ---

/** Each step takes between a third of a second and one and a half, the same each time. */
function takeTime({ account, clock }: World): Disposable {
  let steps = 0;
  return account.intercept(async ({ service, caller, phase }) => {
    if (service !== "lambda" || caller !== "states" || phase !== "before") return;
    steps += 1;
    await clock.advance(330 + ((steps * 389) % 1170));
  });
}
