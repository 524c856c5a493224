import type { Digest, Matter } from "../digest.ts";
import { MAXIMUM_BYTES, type NotificationContext, stageOf } from "./build-notification.ts";
import { writeChat } from "./chat.ts";
import type { DigestBody, DigestNotification } from "./digest-schema.ts";
import { commandField, field, page } from "./layout.ts";
import { DIGEST_EVENT } from "./names.ts";
import { cutMiddle, identifier, time } from "./text.ts";

/**
 * What is told of a week, for every audience: with the same names as other messages have, so that the same filters are for it. Each
 * matter in it was told by itself when it came up. The same week has the same id. Pure; never throws.
 */
export function buildDigest(digest: Digest, context: NotificationContext): DigestNotification {
  const stage = stageOf(context);
  for (const named of [digest.matters.length, FEWER]) {
    const message = write(naming(digest, named), stage);
    if (largest(message) <= MAXIMUM_BYTES) return message;
  }
  return write(naming(digest, 0), stage);
}

const FEWER = 5;

function naming(digest: Digest, named: number): Digest {
  const matters = digest.matters.slice(0, named);
  return { ...digest, matters, moreMatters: digest.moreMatters + digest.matters.length - matters.length };
}

function write(digest: Digest, stage: string): DigestNotification {
  const json = describeDigest(digest, stage);
  const { id, severity, actionRequired, summary, matters, moreMatters } = json;
  const subject = identifier(`[${actionRequired ? "WARN" : "INFO"}] ${stage.slice(0, 12)} week: ${counts(digest)}`, 99);
  const more = moreMatters === 0 ? [] : [`+${moreMatters} more`];
  return {
    ...{ id, event: DIGEST_EVENT, severity, actionRequired, subject, verdict: summary, json },
    // SNS takes no empty value: it is about all of them.
    attributes: {
      event: DIGEST_EVENT,
      severity,
      stage,
      secret: "all",
      mode: "all",
      actionRequired: `${actionRequired}`,
    },
    email: writeEmail(json, [...matters.map(lineOf), ...more]),
    chat: writeChat({
      ...{ id, event: DIGEST_EVENT, thread: id, mark: ":calendar:", title: `${stage} week: ${counts(digest)}` },
      lines: [summary, ...matters.map(lineOf), ...more],
      ...{ nextSteps: [], secretArn: null, runbook: null, errorRunbook: null, context: { severity, stage } },
    }),
  };
}

function describeDigest(digest: Digest, stage: string): DigestBody {
  const waiting = waitingOf(digest);
  const actionRequired = waiting.length > 0;
  const [from, to] = [identifier(digest.from, 40), identifier(digest.to, 40)];
  const [account, region] = [identifier(digest.account, 12), identifier(digest.region, 32)];
  const waits = actionRequired ? `A person has to act: ${waiting.join(", ")}.` : "Nothing waits for a person.";
  return {
    ...{ schema: "rotation.digest/1", id: `digest:${account}:${region}:${stage}:${to}`, event: DIGEST_EVENT },
    ...{ severity: actionRequired ? "warning" : "notice", actionRequired },
    summary: `${waits} In the week until ${time(to)}: ${counts(digest)}.`,
    ...{ ...digest, stage, from, to, account, region },
    matters: digest.matters.map(({ secretName, what, executionName }) => ({
      ...{ secretName: identifier(secretName, 512), what },
      executionName: executionName === null ? null : identifier(executionName, 96),
    })),
  };
}

/** What was not put right up to the week's end, and what is so now. */
function waitingOf({ rotations, secrets }: Digest): readonly string[] {
  const all = [
    [secrets.frozen, "secret is frozen", "secrets are frozen"],
    [rotations.ROLLBACK_FAILED, "rollback failed", "rollbacks failed"],
    [rotations.DIED, "execution died", "executions died"],
    [rotations.NOT_CONVERGED, "rotation did not converge", "rotations did not converge"],
    [secrets.overdue, "secret is overdue", "secrets are overdue"],
  ] as const;
  return all.flatMap(([n, one, more]) => (n === 0 ? [] : [`${n} ${n === 1 ? one : more}`]));
}

/** "41 rotated, 1 rolled back, 2 due in 7 days": of the rest what there was none of is left out. */
function counts(digest: Digest): string {
  return [...ends(digest), `${digest.secrets.due} due in 7 days`].join(", ");
}

function ends({ rotations, notLookedAt }: Digest): readonly string[] {
  const all = [
    [rotations.ROLLBACK_FAILED, "rollbacks failed"],
    [rotations.DIED, "died"],
    [rotations.NOT_CONVERGED, "not converged"],
    [rotations.ROLLED_BACK, "rolled back"],
    [rotations.REJECTED, "rejected"],
    [notLookedAt, "not looked at"],
  ] as const;
  return [`${rotations.SUCCEEDED} rotated`, ...all.flatMap(([n, said]) => (n === 0 ? [] : [`${n} ${said}`]))];
}

function writeEmail(body: DigestBody, matters: readonly string[]): string {
  const { withPolicy, due, overdue, frozen, notLookedAt } = body.secrets;
  const { rehearsed } = body;
  return page(body.summary, [
    field("Stage", `${body.stage}, account ${body.account}, ${body.region}`),
    field("Week", `${time(body.from)} to ${time(body.to)}`),
    field("Rotations", ends(body).join(", ")),
    ...(rehearsed === 0 ? [] : [field("", `${rehearsed} taken back by rehearsals, as they are meant to be`)]),
    field("Secrets", `${withPolicy} with a policy: ${due} due in 7 days, ${overdue} overdue, ${frozen} frozen`),
    ...(notLookedAt === 0 ? [] : [field("", `of ${notLookedAt} of them there was no time to see when they are due`)]),
    ...matters.map((matter, index) => field(index === 0 ? "Of note" : "", matter)),
    commandField("More", "rotor secrets"),
    commandField("", "rotor runs"),
    field("Id", body.id),
  ]);
}

function lineOf({ secretName, what, executionName }: Matter): string {
  return `${cutMiddle(secretName, 60)}: ${what}${executionName === null ? "" : ` (${executionName})`}`;
}

function largest({ json, email, chat }: DigestNotification): number {
  return Math.max(...[JSON.stringify(json), email, chat].map((text) => Buffer.byteLength(text)));
}
