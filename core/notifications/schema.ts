import * as z from "zod";
import { evidence, OUTCOMES, override, rehearsalRun, truthRow } from "../outcome.ts";

export const EVENTS = {
  SUCCEEDED: "rotation.succeeded",
  REJECTED: "rotation.rejected",
  ROLLED_BACK: "rotation.rolled_back",
  NOT_CONVERGED: "rotation.not_converged",
  ROLLBACK_FAILED: "rotation.rollback_failed",
} as const satisfies Record<(typeof OUTCOMES)[number], string>;

export const DETAIL_TYPES = {
  SUCCEEDED: "Rotation Succeeded",
  REJECTED: "Rotation Rejected",
  ROLLED_BACK: "Rotation Rolled Back",
  NOT_CONVERGED: "Rotation Not Converged",
  ROLLBACK_FAILED: "Rotation Rollback Failed",
} as const satisfies Record<(typeof OUTCOMES)[number], string>;

const event = z.enum(EVENTS);
/** notice: for the record. warning: look at it in working hours. critical: production may be affected now. */
export const severity = z.enum(["notice", "warning", "critical"]);

const failure = z.strictObject({ step: z.string(), name: z.string(), message: z.string() });
const { strength } = evidence.shape;
/** Staging labels at one instant. null: they were not read then. [] : the version had none. */
const stages = z.array(z.string()).nullable();

/** What happened and what is true now. Ids, names and times, never a value. null always means "not known". */
export const rotationFacts = z.strictObject({
  outcome: z.enum(OUTCOMES),
  severity,
  actionRequired: z.boolean(),
  /** One sentence: is production broken, which credential is live, what has to be done. */
  summary: z.string(),
  secret: z.strictObject({
    name: z.string().nullable(),
    arn: z.string(),
    account: z.string().nullable(),
    region: z.string().nullable(),
    stage: z.string(),
    owner: z.string().nullable(),
    strategy: z.string().nullable(),
    /** Who rotates it and how: a class of `core/classify-secret.ts`. */
    class: z.string().nullable(),
  }),
  rotation: z.strictObject({
    token: z.string(),
    mode: z.string(),
    startedAt: z.string(),
    executionName: z.string(),
    executionArn: z.string(),
  }),
  state: z.strictObject({
    /** unchanged: this rotation touched nothing; how production was before is not judged. */
    production: z.enum(["working", "unchanged", "may-be-broken", "broken"]).nullable(),
    live: z.enum(["new", "previous", "other"]).nullable(),
    liveVersionId: z.string().nullable(),
    /** When a fresh sign-in with the live version last worked. */
    liveSignedInAt: z.string().nullable(),
    /** About how long AWSCURRENT named a version that was taken back, in milliseconds. */
    credentialGapMs: z.number().nullable(),
    newWasLiveMs: z.number().nullable(),
    frozen: z.boolean().nullable(),
    versions: z.array(z.strictObject({ id: z.string(), before: stages, during: stages, now: stages })),
    moreVersions: z.int().min(0),
    truthTable: z
      .array(
        z.strictObject({
          id: z.string(),
          labels: z.array(z.string()),
          signIn: truthRow.shape.signIn,
        }),
      )
      .nullable(),
  }),
  failure: failure.nullable(),
  rollbackFailure: failure.nullable(),
  dependents: z.strictObject({
    total: z.int().min(0),
    items: z.array(
      z.strictObject({
        name: z.string(),
        before: z.enum(["healthy", "unhealthy"]).nullable(),
        /** How strongly it was seen on the new version. */
        after: strength.nullable(),
        /** How strongly it was seen on the old version again. */
        restored: strength.nullable(),
        seen: z.string().nullable(),
      }),
    ),
    more: z.int().min(0),
  }),
  rehearsal: rehearsalRun.nullable(),
  /** Who let it go ahead without the rehearsal that its policy requires, and why. */
  override: override.nullable(),
  remarks: z.array(z.string()),
  nextSteps: z.array(z.strictObject({ say: z.string(), command: z.string().nullable() })),
  links: z.strictObject({
    execution: z.string().nullable(),
    secret: z.string().nullable(),
    runbook: z.string().nullable(),
    history: z.string(),
  }),
});
export type RotationFacts = z.infer<typeof rotationFacts>;

/** The message on the events topic. Additive changes only; anything else is a new schema name. */
export const notificationBody = z.strictObject({
  schema: z.literal("rotation.notification/1"),
  id: z.string(),
  event,
  ...rotationFacts.shape,
});

/** The detail of the event on the rotation bus. */
export const eventDetail = z.strictObject({
  metadata: z.strictObject({
    id: z.string(),
    version: z.literal(1),
    /** The rotation: the same on all events about one candidate, repairs included. */
    correlationId: z.string(),
    /** The execution that ended. */
    causationId: z.string(),
    idempotencyKey: z.string(),
  }),
  data: rotationFacts,
  /** Only where a part of a rehearsal was proved: what dispatch, here and in the accounts it was done for, goes by. */
  rehearsal: z
    .union([
      z.strictObject({ digest: z.string(), strategy: z.string() }),
      z.strictObject({
        digest: z.string(),
        strategy: z.string(),
        /** When the version that stays was promoted, as an ISO 8601 time. */
        at: z.string(),
        rollbackProved: z.literal(true),
      }),
    ])
    .optional(),
});

/** What every message has, of an outcome or of an incident. */
export const messageFields = {
  id: z.string().min(1),
  severity,
  actionRequired: z.boolean(),
  /** Printable ASCII, at most 99 characters (SNS, Publish). */
  subject: z.string().regex(/^[\x21-\x7e][\x20-\x7e]{0,98}$/),
  /** String attributes of the SNS message. At most ten: raw delivery to SQS drops a message with more. */
  attributes: z
    .record(z.string().regex(/^[A-Za-z]{1,64}$/), z.string().min(1))
    .refine((all) => Object.keys(all).length <= 10),
  /** Plain text of 76 columns. */
  email: z.string(),
  verdict: z.string(),
};

/** One outcome, for every audience. The id is the same whenever the same end of the same execution is told. */
export const notification = z.strictObject({
  ...messageFields,
  event,
  json: notificationBody,
  detailType: z.enum(DETAIL_TYPES),
  detail: eventDetail,
});
export type Notification = z.infer<typeof notification>;
