import { HEARTBEAT_SECRET_NAME, STRATEGIES, strategyBlueprint } from "./blueprint.ts";
import { problemsOfRotationFunction } from "./check-rotation-function.ts";
import { policyField } from "./config-field.ts";
import { readTarget } from "./dependent-target.ts";
import { databaseSessions } from "./dependents/database-sessions.ts";
import { RotationError } from "./errors.ts";
import { firesTwiceWithin } from "./firings.ts";
import { KEY_ARN_WANTED, KEY_HERE, parseKeyArn } from "./key-arn.ts";
import { type Path, sentence } from "./parse.ts";
import { elsewhere, type Place, parseArn } from "./place.ts";
import { isOfStage, type Policy, sameSecret } from "./policies.ts";
import { problemInPolicy } from "./rotation-rules.ts";
import { parseSchedule } from "./schedule.ts";
import { secretNameOf } from "./secret-names.ts";
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
    ...problemsOfDependents(policy),
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
  if (new RegExp(`(^|-)${HEARTBEAT_SECRET_NAME}$`).test(nameOf(secretId))) {
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
  if (nameOf(administrator) === nameOf(secretId)) {
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
    const key = parseKeyArn(text);
    // A secret may be under another account's key: whether it is, is known when it is found.
    const problem = key === undefined ? KEY_ARN_WANTED : elsewhere(key, here, ["partition", "region"], KEY_HERE);
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

function problemsOfDependents({ dependents, mode, strategy }: Policy): readonly Problem[] {
  return dependents.flatMap((dependent, index): Problem[] => {
    const problems: Problem[] = [];
    try {
      readTarget(dependent);
    } catch (error) {
      if (!(error instanceof RotationError)) throw error;
      problems.push([["dependents", index], error.message.replace(/\.$/, "")]);
    }
    if ((dependent.target as { readonly signing?: unknown } | null)?.signing !== undefined) {
      problems.push([
        ["dependents", index, "target", "signing"],
        "cannot be deployed yet: no function's role may read the key. Take it out",
      ]);
    }
    if (dependent.kind === databaseSessions.kind && dependent.required && dependent.evidence === "weak") {
      problems.push([
        ["dependents", index, "evidence"],
        'is "weak", which it has without having done anything, as nobody asks it: write "strong", or "required: false" to have it reported',
      ]);
    }
    if (mode === "observed" && strategy === undefined && dependent.evidence === "strong") {
      problems.push([
        ["dependents", index, "evidence"],
        'is "strong", and without a strategy no target can be asked for it: write "weak", or name the strategy',
      ]);
    }
    return problems;
  });
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
  if (isHere && nameOf(rehearsed) === nameOf(secretId)) {
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
  if (!id.startsWith("arn:")) return NAME.test(id) ? [] : [[field, NAME_WANTED]];
  const arn = parseSecretArn(id);
  if (arn === undefined) return [[field, ARN_WANTED]];
  const wrong = elsewhere(arn, here, ["partition"], "no event crosses that, so rehearse elsewhere");
  if (wrong !== undefined) return [[field, wrong]];
  if (accounts.includes(arn.account)) return [];
  return [[field, `is of account ${arn.account}, whose rehearsals do not count: name it in rehearsal.accounts`]];
}

const NAME = /^[A-Za-z0-9/_+=.@!-]{1,512}$/;
const NAME_WANTED = "must be a secret's name (1 to 512 of A-Z a-z 0-9 / _ + = . @ ! -) or its full ARN";
const ARN_WANTED = 'must be the full ARN, "arn:aws:secretsmanager:<region>:<account>:secret:<name>-<six characters>"';

function parseSecretArn(text: string): Place | undefined {
  const arn = parseArn(text);
  const isSecret =
    arn?.service === "secretsmanager" &&
    arn.region !== "" &&
    /^secret:[A-Za-z0-9/_+=.@!-]{1,512}-[A-Za-z0-9]{6}$/.test(arn.resource);
  return isSecret ? arn : undefined;
}

function problemsOfId(field: Path, id: string, here: Place): Problem[] {
  if (id.startsWith("arn:")) {
    const arn = parseSecretArn(id);
    const problem =
      arn === undefined
        ? ARN_WANTED
        : elsewhere(arn, here, ["partition", "account", "region"], "deploy Rotor there for it");
    return problem === undefined ? [] : [[field, problem]];
  }
  if (!NAME.test(id)) return [[field, NAME_WANTED]];
  if (!/-[A-Za-z0-9]{6}$/.test(id)) return [];
  const problem =
    "ends like an ARN, with a hyphen and six characters, and so cannot be told from another secret's: give its full ARN";
  return [[field, problem]];
}

/** Names of secrets that AWS services make for themselves: "rds!cluster-...", "events!connection/...". Nobody else may have a "!". */
function isManaged(secretId: string): boolean {
  return nameOf(secretId).includes("!");
}

/** One secret, once by its name and once by its ARN: parsePolicies sees that two names are the same, and no more. */
function doubles(all: readonly Policy[], index: number, { stage }: Here): readonly Problem[] {
  const first = all.findIndex(
    (each) => isOfStage(each, stage) && nameOf(each.secretId) === nameOf(all[index]?.secretId ?? ""),
  );
  return first === index ? [] : [[["secretId"], sameSecret(first)]];
}

function nameOf(secretId: string): string {
  return secretId.startsWith("arn:") ? secretNameOf(secretId) : secretId;
}
