import type { EventTarget } from "./event-delivery.ts";
import { between, named, validation } from "./event-validation.ts";
import { parseJson } from "./json.ts";

/** A copy of a target as PutTargets takes it. @throws AwsError ValidationException */
export function checkedTarget(target: EventTarget): EventTarget {
  const id = named("targets.member.id", target.Id, 64);
  for (const member of Object.keys(target)) {
    if (!TARGET_MEMBERS.has(member)) validation(`Target ${id}: ${member} is not supported by the embedded account.`);
  }
  if (!/^arn:[^:]*:[^:]+:[^:]*:[^:]*:.+/.test(target.Arn ?? "")) {
    validation(`Parameter ${target.Arn} is not valid. Reason: Provided Arn is not in correct format.`);
  }
  if (target.Input !== undefined && parseJson(target.Input) === undefined) {
    validation(`JSON syntax error in input for target ${id}.`);
  }
  const { MaximumRetryAttempts: retries = 0, MaximumEventAgeInSeconds: age = 60 } = target.RetryPolicy ?? {};
  between("targets.member.retryPolicy.maximumRetryAttempts", retries, 0, 185);
  between("targets.member.retryPolicy.maximumEventAgeInSeconds", age, 60, 86_400);
  return structuredClone(target);
}

const TARGET_MEMBERS: ReadonlySet<string> = new Set(["Id", "Arn", "Input", "RetryPolicy", "DeadLetterConfig"]);
