import * as z from "zod/mini";
import { evidence, OUTCOMES, override, rehearsalRun, truthRow } from "../outcome.ts";
import { SEVERITIES } from "../routing.ts";
import { DETAIL_TYPES, EVENTS } from "./names.ts";

const event = z.enum(EVENTS);
/** notice: for the record. warning: look at it in working hours. critical: production may be affected now. */
export const severity = z.enum(SEVERITIES);

const failure = z.strictObject({
  step: z.string(),
  name: z.string(),
  message: z.string(),
  /** What a code in the message most often comes from. null: it has none that is known. */
  likelyCause: z.nullable(z.string()),
});
const { strength } = evidence.shape;
/** Staging labels at one instant. null: they were not read then. [] : the version had none. */
const stages = z.nullable(z.array(z.string()));

/** What happened and what is true now. Ids, names and times, never a value. null always means "not known". */
export const rotationFacts = z.strictObject({
  outcome: z.enum(OUTCOMES),
  severity,
  actionRequired: z.boolean(),
  /** One sentence: is production broken, which credential is live, what has to be done. */
  summary: z.string(),
  secret: z.strictObject({
    name: z.nullable(z.string()),
    arn: z.string(),
    account: z.nullable(z.string()),
    region: z.nullable(z.string()),
    stage: z.string(),
    owner: z.nullable(z.string()),
    strategy: z.nullable(z.string()),
    /** Who rotates it and how: a class of `core/classify-secret.ts`. */
    class: z.nullable(z.string()),
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
    production: z.nullable(z.enum(["working", "unchanged", "may-be-broken", "broken"])),
    live: z.nullable(z.enum(["new", "previous", "other"])),
    liveVersionId: z.nullable(z.string()),
    /** When a fresh sign-in with the live version last worked. */
    liveSignedInAt: z.nullable(z.string()),
    /** About how long AWSCURRENT may not have signed in; null where both credentials work, and where it is not known. */
    credentialGapMs: z.nullable(z.number()),
    /** About how long AWSCURRENT named a version that was taken back, in milliseconds. */
    newWasLiveMs: z.nullable(z.number()),
    frozen: z.nullable(z.boolean()),
    versions: z.array(z.strictObject({ id: z.string(), before: stages, during: stages, now: stages })),
    moreVersions: z.int().check(z.minimum(0)),
    truthTable: z.nullable(
      z.array(
        z.strictObject({
          id: z.string(),
          labels: z.array(z.string()),
          signIn: truthRow.shape.signIn,
        }),
      ),
    ),
  }),
  failure: z.nullable(failure),
  rollbackFailure: z.nullable(failure),
  dependents: z.strictObject({
    total: z.int().check(z.minimum(0)),
    items: z.array(
      z.strictObject({
        name: z.string(),
        before: z.nullable(z.enum(["healthy", "unhealthy"])),
        /** How strongly it was seen on the new version. */
        after: z.nullable(strength),
        /** How strongly it was seen on the old version again. */
        restored: z.nullable(strength),
        seen: z.nullable(z.string()),
      }),
    ),
    more: z.int().check(z.minimum(0)),
  }),
  rehearsal: z.nullable(rehearsalRun),
  /** Who let it go ahead without the rehearsal that its policy requires, and why. */
  override: z.nullable(override),
  remarks: z.array(z.string()),
  nextSteps: z.array(z.strictObject({ say: z.string(), command: z.nullable(z.string()) })),
  links: z.strictObject({
    execution: z.nullable(z.string()),
    secret: z.nullable(z.string()),
    /** That of the policy. */
    runbook: z.nullable(z.string()),
    /** The section for the error or the finding, of the page that the deployment names. */
    errorRunbook: z.nullable(z.string()),
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
  rehearsal: z.optional(
    z.union([
      z.strictObject({ digest: z.string(), strategy: z.string() }),
      z.strictObject({
        digest: z.string(),
        strategy: z.string(),
        /** When the version that stays was promoted, as an ISO 8601 time. */
        at: z.string(),
        rollbackProved: z.literal(true),
      }),
    ]),
  ),
});

/** What every message has, of an outcome or of an incident. */
export const messageFields = {
  id: z.string().check(z.minLength(1)),
  severity,
  actionRequired: z.boolean(),
  /** Printable ASCII, at most 99 characters (SNS, Publish). */
  subject: z.string().check(z.regex(/^[\x21-\x7e][\x20-\x7e]{0,98}$/)),
  /** String attributes of the SNS message. At most ten: raw delivery to SQS drops a message with more. */
  attributes: z
    .record(z.string().check(z.regex(/^[A-Za-z]{1,64}$/)), z.string().check(z.minLength(1)))
    .check(z.refine((all) => Object.keys(all).length <= 10)),
  /** Plain text of 76 columns. */
  email: z.string(),
  /** JSON of Amazon Q Developer's custom notifications. */
  chat: z.string(),
  verdict: z.string(),
};

/** One outcome, for every audience. The id is the same whenever the same end of the same execution is told. */
export const notification = z.strictObject({
  ...messageFields,
  event,
  /** Who is told besides machines. */
  audiences: z.array(z.enum(["email", "chat"])),
  json: notificationBody,
  detailType: z.enum(DETAIL_TYPES),
  detail: eventDetail,
});
export type Notification = z.infer<typeof notification>;
