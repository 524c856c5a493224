import { HEARTBEAT_SECRET_NAME } from "./blueprint.ts";
import { problemsOfDependents } from "./check-dependents.ts";
import { problemsOfRotationFunction } from "./check-rotation-function.ts";
import {
  isSecretName,
  nameOfSecret,
  parseSecretArn,
  problemOfSecretId,
  SECRET_ARN_WANTED,
  SECRET_NAME_WANTED,
} from "./check-secret-id.ts";
import { policyField } from "./config-field.ts";
import { STRATEGIES, strategyBlueprint } from "./engines.ts";
import { firesTwiceWithin } from "./firings.ts";
import { problemOfKeyArn } from "./key-arn.ts";
import { type Path, sentence } from "./parse.ts";
import { elsewhere, type Place, parseArn } from "./place.ts";
import { isOfStage, type Policy, sameSecret } from "./policies.ts";
import { problemInPolicy } from "./rotation-rules.ts";
import { parseSchedule } from "./schedule.ts";
import { SCHEDULES } from "./triggers.ts";
import { undeployable } from "./undeployable.ts";
import { lengthOf } from "./windows.ts";

/** Where and when policies are deployed. */
export interface Here extends Place {
  readonly stage: string;
  readonly nowMs: number;
}

/**
 * Looks for what the functions would find only when they run, or AWS half-way through a deployment, and for what has no effect.
 * That the policies are parsed is taken for granted; those of other stages are left alone, as they are for other places.
 *
 * @throws RotationError ConfigurationInvalid: every field that is wrong, and how to put it right
 */
export function checkPolicies(all: readonly Policy[], here: Here): void {
  const problems = all.flatMap((policy, index) =>
    isOfStage(policy, here.stage)
      ? [...problemsOf(policy, here), ...doubles(all, index, here)].map(([path, problem]) =>
          sentence(policyField(all, [index, ...path]), problem),
        )
      : [],
  );
  if (problems.length > 0) throw undeployable("rotation.config", problems);
}

// --- internal ---

type Problem = readonly [path: Path, problem: string];

const ALTERNATING_USERS = "postgres-alternating-users" satisfies keyof typeof STRATEGIES;

function problemsOf(policy: Policy, here: Here): readonly Problem[] {
  return [
    ...problemsOfSecret(policy, here),
    ...problemsOfStrategy(policy),
    ...problemsOfRotationFunction(policy, here),
    ...problemsOfAdministrator(policy, here),
    ...problemsOfUsers(policy),
    ...problemsOfKeys(policy, here),
    ...problemsOfDependents(policy, here),
    ...problemsOfRules(policy),
    ...problemsOfSchedule(policy, here),
    ...problemsOfRehearsal(policy, here),
  ];
}

function problemsOfSecret({ secretId, mode }: Policy, here: Here): readonly Problem[] {
  const problems = problemsOfId(["secretId"], secretId, here);
  if (mode !== "observed" && isManaged(secretId)) {
    problems.push([
      ["mode"],
      `an AWS service manages this secret and rotates it itself, so "${mode}" cannot be: set mode to "observed"`,
    ]);
  }
  if (new RegExp(`(^|-)${HEARTBEAT_SECRET_NAME}$`).test(nameOfSecret(secretId))) {
    problems.push([["secretId"], "is the secret of Rotor's own heartbeat, which holds nothing: take the entry out"]);
  }
  return problems;
}

function problemsOfStrategy({ strategy }: Policy): readonly Problem[] {
  if (strategy === undefined || strategyBlueprint(strategy) !== undefined) return [];
  return [[["strategy"], `there is no strategy of that name; there are: ${Object.keys(STRATEGIES).join(", ")}`]];
}

function problemsOfAdministrator({ secretId, strategy, ...policy }: Policy, here: Here): readonly Problem[] {
  const field = ["administratorSecretId"];
  const { administratorSecretId: administrator } = policy;
  const { administrator: uses = "never" } = strategyBlueprint(strategy) ?? {};
  if (administrator === undefined) {
    return uses === "required"
      ? [[field, "name the secret behind masterarn: functions may read nothing that no policy names"]]
      : [];
  }
  const problems = problemsOfId(field, administrator, here);
  if (uses === "never") {
    const why = strategy === undefined ? "without a strategy" : `with the strategy "${strategy}"`;
    problems.push([field, `is read by nobody ${why}: take it out, or name a strategy that has an administrator`]);
  }
  if (nameOfSecret(administrator) === nameOfSecret(secretId)) {
    problems.push([field, "is the secret itself: name the one behind its masterarn"]);
  }
  return problems;
}

/** What one strategy obeys, and no other. */
function problemsOfUsers({ strategy, openSessions, sharedOwner }: Policy): readonly Problem[] {
  if (strategy === ALTERNATING_USERS) return [];
  const useless = [openSessions === "refuse" ? "openSessions" : [], sharedOwner === true ? "sharedOwner" : []].flat();
  return useless.map((field) => [[field], `has an effect with the strategy "${ALTERNATING_USERS}" only: take it out`]);
}

function problemsOfKeys(policy: Policy, here: Here): readonly Problem[] {
  const problems: Problem[] = [];
  for (const field of ["kmsKeyArn", "administratorKmsKeyArn"] as const) {
    const { [field]: text } = policy;
    if (text === undefined) continue;
    const problem = problemOfKeyArn(text, here);
    if (problem !== undefined) problems.push([[field], problem]);
  }
  if (policy.kmsKeyArn !== undefined && policy.strategy === undefined) {
    problems.push([["kmsKeyArn"], "is used by nobody without a strategy, as no value is read then: take it out"]);
  }
  if (policy.administratorKmsKeyArn !== undefined && policy.administratorSecretId === undefined) {
    problems.push([["administratorKmsKeyArn"], "is used by nobody without administratorSecretId: take it out"]);
  }
  return problems;
}

function problemsOfRules({ rotationRules }: Policy): readonly Problem[] {
  const problem = rotationRules && problemInPolicy(rotationRules);
  if (problem === undefined) return [];
  return [[["rotationRules", ...(problem.field === undefined ? [] : [problem.field])], problem.reason]];
}

/** How often reconcile looks: what comes more often, or is shorter, is missed. */
const LOOKS_EVERY_MS = Math.min(
  ...SCHEDULES.filter(({ target }) => target === "reconcile").map(
    ({ expression }) => parseSchedule(expression).intervalMs ?? Number.POSITIVE_INFINITY,
  ),
);
const MINUTE_MS = 60_000;

function problemsOfSchedule({ schedule, outsideWindow, windows }: Policy, { nowMs }: Here): readonly Problem[] {
  if (schedule === undefined) return [];
  const looks = `reconcile looks every ${LOOKS_EVERY_MS / MINUTE_MS} minutes`;
  const problems: Problem[] = [];
  const parsed = parseSchedule(schedule);
  if (parsed.next(nowMs) === undefined) {
    problems.push([["schedule"], "never comes any more: all its times are past, or on days that no month has"]);
  } else if (firesTwiceWithin(parsed, LOOKS_EVERY_MS, nowMs)) {
    problems.push([["schedule"], `asks for rotations more often than ${looks}: leave more time between two`]);
  }
  if (outsideWindow === "refuse" && windows.length > 0) {
    const longest = Math.max(...windows.map(lengthOf));
    if (longest * MINUTE_MS < LOOKS_EVERY_MS) {
      problems.push([
        ["windows"],
        `are open for ${longest} minutes at most, and ${looks}: with outsideWindow "refuse" the schedule might miss them for ever. Make one longer, or write "wait"`,
      ]);
    }
  }
  return problems;
}

function problemsOfRehearsal({ secretId, rehearsal }: Policy, here: Here): readonly Problem[] {
  if (rehearsal === undefined) return [];
  const { secretId: rehearsed = secretId, accounts, override } = rehearsal;
  const problems: Problem[] = [];
  if (rehearsal.secretId !== undefined) problems.push(...problemsOfRehearsed(rehearsal.secretId, accounts, here));
  const isHere =
    accounts.every((each) => each === here.account) && (parseArn(rehearsed) ?? here).region === here.region;
  if (isHere && nameOfSecret(rehearsed) === nameOfSecret(secretId)) {
    problems.push([
      ["rehearsal"],
      "wants this very secret to be rehearsed before it is rotated, so it could never rotate: name another secret, another account, or by its full ARN the secret of another Region",
    ]);
  }
  if (override !== undefined && Date.parse(override.until) <= here.nowMs) {
    problems.push([
      ["rehearsal", "override", "until"],
      `the override ended at ${override.until}: take it out, or have it decided anew until a later time`,
    ]);
  }
  return problems;
}

/** It may be in another account and Region. */
function problemsOfRehearsed(id: string, accounts: readonly string[], here: Place): readonly Problem[] {
  const field = ["rehearsal", "secretId"];
  if (!id.startsWith("arn:")) return isSecretName(id) ? [] : [[field, SECRET_NAME_WANTED]];
  const arn = parseSecretArn(id);
  if (arn === undefined) return [[field, SECRET_ARN_WANTED]];
  const wrong = elsewhere(arn, here, ["partition"], "no event crosses that, so rehearse elsewhere");
  if (wrong !== undefined) return [[field, wrong]];
  if (accounts.includes(arn.account)) return [];
  return [[field, `is of account ${arn.account}, whose rehearsals do not count: name it in rehearsal.accounts`]];
}

function problemsOfId(field: Path, id: string, here: Place): Problem[] {
  const problem = problemOfSecretId(id, here);
  return problem === undefined ? [] : [[field, problem]];
}

/** Names of secrets that AWS services make for themselves: "rds!cluster-...", "events!connection/...". Nobody else may have a "!". */
function isManaged(secretId: string): boolean {
  return nameOfSecret(secretId).includes("!");
}

/** One secret, once by its name and once by its ARN: parsePolicies sees that two names are the same, and no more. */
function doubles(all: readonly Policy[], index: number, { stage }: Here): readonly Problem[] {
  const first = all.findIndex(
    (each) => isOfStage(each, stage) && nameOfSecret(each.secretId) === nameOfSecret(all[index]?.secretId ?? ""),
  );
  return first === index ? [] : [[["secretId"], sameSecret(first)]];
}
