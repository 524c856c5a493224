import type { OutcomeFacts } from "../outcome.ts";
import { cutMiddle, identifier } from "./text.ts";

/** "[SEVERITY] stage secret: said", of printable ASCII and at most 99 characters (SNS, Publish). */
export function subjectLine(told: {
  readonly severity: keyof typeof TAGS;
  /** In place of the severity. */
  readonly tag?: string | undefined;
  readonly stage: string;
  readonly secret: Pick<OutcomeFacts, "secretArn" | "secretName">;
  readonly said: string;
}): string {
  const { severity, tag = TAGS[severity], stage, secret, said } = told;
  const name = identifier(secret.secretName ?? nameInArn(secret.secretArn), 2048);
  return identifier(`[${tag}] ${stage.slice(0, 12)} ${cutMiddle(name, 40)}: ${said}`, 99);
}

/** What the subject says besides how bad it is. */
export function withoutTag(subject: string): string {
  return subject.replace(/^\[[A-Z]+\] /, "");
}

const TAGS = { notice: "INFO", warning: "WARN", critical: "CRITICAL" } as const;

function nameInArn(arn: string): string {
  return arn.split(":secret:")[1] ?? arn;
}
