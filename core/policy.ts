import * as z from "zod/mini";
import { problemsOfPassword } from "./check-password.ts";
import { strategyBlueprint } from "./engines.ts";
import { RotationError } from "./errors.ts";
import type { Path } from "./parse.ts";
import { passwordRules } from "./password.ts";
import { rotationRules } from "./rotation-rules.ts";
import { routing } from "./routing.ts";
import { runbook } from "./runbook.ts";
import { parseSchedule } from "./schedule.ts";
import { freezePeriod, instant, rotationWindow } from "./windows.ts";

const name = z
  .string()
  .check(
    z.regex(
      /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/,
      "must be 1 to 64 characters of A-Z a-z 0-9 _ . -, the first a letter or digit",
    ),
  );

const dependent = z
  .strictObject({
    /** How people call it: names the iteration in views and messages. */
    name,
    /** The file of `core/dependents/` that knows how to speak to it. */
    kind: z.string().check(z.minLength(1)),
    /** How to address it; its shape belongs to the kind. */
    target: z.unknown(),
    /** The name under which its sessions appear at the target (PostgreSQL: application_name). */
    application: z.optional(z.string().check(z.minLength(1), z.maxLength(63))),
    /**
     * What has to be known before a rotation counts as converged. "strong": the target itself has seen an authentication
     * with the new version. "weak": that it is healthy is enough.
     */
    evidence: z._default(z.enum(["strong", "weak"]), "strong"),
    /** An optional dependent is refreshed and reported; it never fails a rotation. */
    required: z._default(z.boolean(), true),
  })
  .check(
    z.refine((value) => value.evidence === "weak" || value.application !== undefined, {
      path: ["application"],
      message:
        'evidence "strong" is confirmed from the target\'s sessions: give the dependent\'s application name, or set evidence to "weak"',
    }),
  );

const LONGEST_STAGE = 50;
const stage = z
  .string()
  .check(
    z.regex(
      new RegExp(`^[A-Za-z][A-Za-z0-9-]{0,${LONGEST_STAGE - 1}}$`),
      `must be a stage's name, such as "production": 1 to ${LONGEST_STAGE} of A-Z a-z 0-9 -, the first a letter`,
    ),
  );

const rehearsal = z.strictObject({
  /** Name or full ARN of the secret that is rehearsed on. Absent: one of the same name, in another account. */
  secretId: z.optional(z.string().check(z.minLength(1), z.maxLength(2048))),
  /** The accounts whose rehearsals count. */
  accounts: z
    .array(z.string().check(z.regex(/^\d{12}$/, "must be an account id of 12 digits")))
    .check(z.minLength(1), z.maxLength(20)),
  maxAgeDays: z._default(z.int().check(z.minimum(1), z.maximum(365)), 7),
  /** Rotate without one all the same: who says so, why, and until when. Goes into the outcome. */
  override: z.optional(
    z.strictObject({
      by: z.string().check(z.minLength(1), z.maxLength(128)),
      reason: z.string().check(z.minLength(1), z.maxLength(512)),
      until: instant,
    }),
  ),
});

const fields = z.strictObject({
  /** Name or full ARN of the secret. */
  secretId: z.string().check(z.minLength(1), z.maxLength(2048)),
  /** The file of `core/strategies/` that changes the credential. Absent: Rotor only watches (observed mode). */
  strategy: z.optional(z.string().check(z.minLength(1))),
  /** Only these deployment stages have the policy. Absent: every stage has it. */
  stages: z.optional(
    z.array(stage).check(
      z.minLength(1),
      z.refine((all) => new Set(all).size === all.length, "names a stage twice: name each once"),
    ),
  ),
  mode: z._default(z.enum(["native", "driven", "observed"]), "native"),
  dependents: z._default(z.array(dependent).check(z.maxLength(40)), []),
  verify: z.prefault(
    z.strictObject({
      /** Pause between two looks at a dependent, in seconds. */
      intervalSeconds: z._default(z.int().check(z.minimum(1), z.maximum(300)), 10),
      /** How long a dependent may take to be seen on the version, in seconds. */
      deadlineSeconds: z._default(z.int().check(z.minimum(1), z.maximum(3600)), 300),
    }),
    {},
  ),
  /** How long the dependents have to stay on the new version before the rotation counts as converged, in seconds. */
  soakSeconds: z._default(z.int().check(z.minimum(0), z.maximum(3600)), 0),
  /**
   * What to do when AWSCURRENT is the new version and a required dependent does not follow. Default: "roll-back" for what
   * Rotor rotates, "keep-new" for what somebody else does.
   */
  whenUnhealthy: z.optional(z.enum(["roll-back", "keep-new"])),
  /** Driven: when reconcile asks for a rotation, as rate() or cron() in UTC. */
  schedule: z.optional(z.string().check(z.minLength(1), z.maxLength(256), z.superRefine(checkSchedule))),
  /** Native: the rules that a deployment gives the secret in Secrets Manager. Absent: every 30 days. */
  rotationRules: z.optional(rotationRules),
  /** Driven: the local times at which a rotation may begin. Absent: always. */
  windows: z._default(z.array(rotationWindow).check(z.maxLength(20)), []),
  /** Driven: when none may begin, windows or not. */
  freezes: z._default(z.array(freezePeriod).check(z.maxLength(50)), []),
  /** Driven: what becomes of a rotation asked for outside the windows or in a freeze period. */
  outsideWindow: z._default(z.enum(["wait", "refuse"]), "wait"),
  /** Required: rotate only what was rehearsed, on another secret, with the same workflow, strategy and policy. */
  rehearsal: z.optional(rehearsal),
  /** Whether a "Rehearsal Requested" event may rotate this secret, take that back, and rotate it again. */
  rehearses: z._default(z.boolean(), false),
  /** Why AWS's own managed rotation is not used where there is one: silences Plan's advice. */
  managedRotation: z.optional(z.strictObject({ declined: z.string().check(z.minLength(1), z.maxLength(512)) })),
  /** Name or full ARN of the administrator's secret, the one behind `masterarn`. For a deployment's IAM; PostgreSQL's strategies take no other. */
  administratorSecretId: z.optional(z.string().check(z.minLength(1), z.maxLength(2048))),
  /** Alternating users: what to do when the user that is to get a new password has sessions open. */
  openSessions: z._default(z.enum(["refuse", "report"]), "report"),
  /** Alternating users: whether what the copy makes belongs to the original, and not to the copy. Absent: to the copy. */
  sharedOwner: z.optional(z.boolean()),
  /** Strategy "lambda": full ARN of the existing rotation function. */
  rotationFunctionArn: z.optional(z.string().check(z.minLength(1), z.maxLength(256))),
  /** ARN of the customer's KMS key that encrypts the secret. For a deployment's IAM; absent: AWS's own key. */
  kmsKeyArn: z.optional(z.string().check(z.minLength(1), z.maxLength(2048))),
  /** ARN of the customer's KMS key that encrypts the administrator's secret. For a deployment's IAM; absent: AWS's own key. */
  administratorKmsKeyArn: z.optional(z.string().check(z.minLength(1), z.maxLength(2048))),
  /** How long after a rollback a new native token with the same base is refused, in seconds. 0 refuses none. */
  retryAfterRollbackSeconds: z._default(z.int().check(z.minimum(0), z.maximum(2_592_000)), 86_400),
  /** What generated passwords look like. Absent: 32 letters and digits. */
  password: z.optional(passwordRules),
  /** Who answers for the secret: goes into every message as an attribute. */
  owner: z.optional(name),
  /** To whom its outcomes go besides the topic events, and how urgent each is. Absent: to everybody, as usual. */
  messages: z.optional(routing),
  /** Messages carry it whole, up to this many characters. */
  runbook: z.optional(runbook(500)),
});

/** One entry of `rotation.config.ts`. */
export const policy = z.pipe(
  fields.check(z.superRefine(checkPolicy)),
  z.transform(({ whenUnhealthy, password = z.parse(passwordRules, {}), ...rest }) => ({
    ...rest,
    password,
    whenUnhealthy: whenUnhealthy ?? (rest.mode === "observed" ? ("keep-new" as const) : ("roll-back" as const)),
  })),
);

/** The steps before the dependents are looked at, in the slowest run that still succeeds without a retry, in seconds. */
const STEPS_SECONDS = 120;
const NATIVE_LIMIT_SECONDS = 14 * 60;
/** History events of one look at a dependent that is not ready: a task that fails, and a wait. */
const EVENTS_PER_LOOK = 7;
/** Of the 25,000 events that end an execution (Step Functions quotas), for the looks: on the way forward and on the way back. */
const HISTORY_LIMIT = 22_000;

export type Policy = z.infer<typeof policy>;
export type PolicyInput = z.input<typeof policy>;
export type DependentPolicy = Policy["dependents"][number];

/** How long a native rotation that succeeds may take, in seconds. */
export function worstCaseSeconds(one: {
  readonly verify: { readonly deadlineSeconds: number };
  readonly soakSeconds: number;
}): number {
  return STEPS_SECONDS + one.verify.deadlineSeconds + one.soakSeconds;
}

// --- internal ---

function checkSchedule(expression: string, context: z.core.$RefinementCtx): void {
  try {
    parseSchedule(expression);
  } catch (error) {
    const message = error instanceof RotationError ? error.message.replace(/\.$/, "") : "is not a schedule";
    context.addIssue({ code: "custom", message });
  }
}

type Fields = z.output<typeof fields>;
type Problem = readonly [path: Path, message: string];

function checkPolicy(value: Fields, context: z.core.$RefinementCtx): void {
  for (const [path, message] of [
    ...problemsOfMode(value),
    ...sameNames(value),
    ...problemsOfEvidence(value),
    ...problemsOfTime(value),
    ...problemsOfPassword(value),
  ])
    context.addIssue({ code: "custom", path: [...path], message });
}

const SAYS_WHEN = {
  native: "the secret's rotationRules say when",
  driven: "the policy's schedule says when",
  observed: "somebody else rotates",
};

/** What a mode needs, and what it has no use for. */
function problemsOfMode(value: Fields): readonly Problem[] {
  const { mode, strategy } = value;
  const problems: Problem[] = [];
  if (mode !== "observed" && strategy === undefined) {
    problems.push([["strategy"], `mode "${mode}" changes the credential: name the strategy`]);
  }
  const useless = [
    ...(mode === "driven" ? [] : (["schedule", "windows", "freezes"] as const)),
    ...(mode === "native" ? [] : (["rotationRules"] as const)),
    ...(mode === "observed" ? (["rehearsal", "rehearses", "openSessions", "sharedOwner"] as const) : []),
  ];
  for (const field of useless) {
    const { [field]: set } = value;
    if (set === undefined || set === false || set === "report" || (Array.isArray(set) && set.length === 0)) continue;
    problems.push([[field], `has no effect in mode "${mode}", where ${SAYS_WHEN[mode]}: take it out`]);
  }
  if (mode === "observed" && value.whenUnhealthy === "roll-back" && strategy === undefined) {
    problems.push([
      ["whenUnhealthy"],
      'to roll back what somebody else has rotated, a strategy has to be named: name it, or write "keep-new"',
    ]);
  }
  return problems;
}

function sameNames({ dependents }: Fields): readonly Problem[] {
  const names = dependents.map(({ name }) => name);
  return names.flatMap((each, index): Problem[] => {
    const first = names.indexOf(each);
    return first === index
      ? []
      : [[["dependents", index, "name"], `dependents[${first}] is called the same: give each a name of its own`]];
  });
}

/** What nobody can see would end every rotation in a rollback. */
function problemsOfEvidence({ strategy, dependents }: Fields): readonly Problem[] {
  if (strategyBlueprint(strategy)?.sessions !== false) return [];
  return dependents.flatMap(({ evidence, required }, index): Problem[] =>
    evidence === "strong" && required
      ? [
          [
            ["dependents", index, "evidence"],
            `is "strong", and a target of strategy "${strategy}" cannot tell who has signed in: write "weak", or "required: false" to have it reported`,
          ],
        ]
      : [],
  );
}

function problemsOfTime(value: Fields): readonly Problem[] {
  const { dependents, verify, mode } = value;
  const problems: Problem[] = [];
  const events = dependents.length * EVENTS_PER_LOOK * 2 * (verify.deadlineSeconds / verify.intervalSeconds + 2);
  if (events > HISTORY_LIMIT) {
    problems.push([
      ["verify", "intervalSeconds"],
      `looking at ${dependents.length} dependents every ${verify.intervalSeconds} s for ${verify.deadlineSeconds} s could fill an execution's history of 25,000 events, which ends it without a rollback: look less often, or for a shorter time`,
    ]);
  }
  const worst = worstCaseSeconds(value);
  if (mode === "native" && worst > NATIVE_LIMIT_SECONDS) {
    problems.push([
      ["verify", "deadlineSeconds"],
      `the worst case of a native rotation would be ${worst} s, and Secrets Manager's call ends after ${NATIVE_LIMIT_SECONDS} s: verify.deadlineSeconds and soakSeconds may be ${NATIVE_LIMIT_SECONDS - STEPS_SECONDS} together, or the mode "driven"`,
    ]);
  }
  return problems;
}
