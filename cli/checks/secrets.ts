import { RotationError } from "../../core/errors.ts";
import { policyFor } from "../../core/policies.ts";
import { notOurs } from "../../core/reconcile/left-behind.ts";
import { describeSecret, type Secret } from "../../core/versions/secret.ts";
import { readBoard } from "../board.ts";
import { type LeftOver, todoOf } from "../left-over.ts";
import { blocking, type Check, type Finding, ok, unseen, warning } from "./check.ts";

/** Whether every secret that a policy names is there, and nothing is left over on it. */
export const secrets: Check = async (session, secretId) => {
  const policies = await session.policies();
  if (policies.length === 0)
    return [
      warning("secrets", "No policy names a secret: Rotor looks after none.", "write rotation.config.ts and deploy"),
    ];
  const found: Finding[] = [];
  const seen = new Set<string>();
  for await (const { secret, policy, states, left, run } of readBoard(session, policies, {
    all: false,
    now: new Date(),
  })) {
    if (policy !== undefined) seen.add(policy.secretId);
    if (secretId !== undefined && secret.name !== secretId && secret.arn !== secretId) continue;
    // What a frozen secret has left is what the repair that `unfreeze` asks for takes off; `repair` refuses until then.
    if (!states.includes("frozen")) found.push(...left.map((each) => saidOfLeft(secret, each)));
    for (const state of states.filter((each) => !LEFT.has(each))) found.push(said(secret.name, state, run?.name));
  }
  for (const { secretId: id } of policies.filter((each) => !seen.has(each.secretId))) {
    found.push(
      blocking(
        "secrets",
        `There is no secret ${id}, which a policy names.`,
        "create it, or correct secretId in rotation.config.ts",
      ),
    );
  }
  return found.length > 0
    ? found
    : [ok("secrets", `Nothing is left over on the ${seen.size} secrets that policies name.`)];
};

/** Whether a policy names the secret that is asked about. */
export const policyOfSecret: Check = async (session, secretId) => {
  if (secretId === undefined) return [];
  try {
    const secret = await describeSecret(session.clients.secretsManager, secretId);
    const policy = policyFor(await session.policies(), secret);
    if (policy === undefined) {
      return [
        blocking(
          "policy",
          `No policy of this stage names ${secret.name}: Rotor leaves it alone.`,
          "add it to rotation.config.ts and deploy",
        ),
      ];
    }
    return [
      ok(
        "policy",
        `Its policy: ${policy.mode}, ${policy.strategy ?? "no strategy"}, ${policy.dependents.length} dependents.`,
      ),
    ];
  } catch (error) {
    return [unseen("policy", secretId, error)];
  }
};

// --- internal ---

/** Told by `saidOfLeft`. */
const LEFT: ReadonlySet<string> = new Set(["pending", "candidate left"]);

function said(name: string, state: string, run: string | undefined): Finding {
  switch (state) {
    case "frozen":
      return blocking(
        "secrets",
        `${name} is frozen: a rollback has failed.`,
        `see docs/runbooks.md#secretfrozen, then: rotor unfreeze ${name}`,
      );
    case "overdue":
      return warning("secrets", `The rotation of ${name} is overdue.`, `see why: rotor show ${name}`);
    case "not readable":
      return unseen("secrets", name, new RotationError("AccessDenied", "its description"));
    default:
      return warning("secrets", `The last run of ${name} failed.`, `rotor show ${run ?? name}`);
  }
}

function saidOfLeft(secret: Secret, left: LeftOver): Finding {
  const says =
    left.state === "not ours"
      ? notOurs(secret, left)
      : `A rotation has left ${left.label} on version ${left.token} of ${secret.name}, and nobody is at work on it.`;
  return blocking("secrets", says, todoOf(secret, left));
}
