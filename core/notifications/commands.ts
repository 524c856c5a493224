import type { OutcomeFacts } from "../outcome.ts";
import { identifier } from "./text.ts";

/** A command for a shell: its words, unquoted. */
export type Command = readonly string[];

/** Parts of the secret's ARN; each is undefined when the ARN is not one. */
export function placeOf({ secretArn }: Pick<OutcomeFacts, "secretArn">) {
  const [arn, partition, , region, account] = identifier(secretArn, 2048).split(":");
  return arn === "arn"
    ? { partition, region, account }
    : { partition: undefined, region: undefined, account: undefined };
}

export function rotateSecret(facts: OutcomeFacts): Command {
  return ["aws", "secretsmanager", "rotate-secret", ...secretId(facts), ...regionOf(facts)];
}

export function describeSecret(facts: OutcomeFacts): Command {
  return ["aws", "secretsmanager", "describe-secret", ...secretId(facts), ...regionOf(facts)];
}

/** Moves AWSCURRENT, naming where it has to be now: refused when somebody else has moved it meanwhile. */
export function makeCurrent(facts: OutcomeFacts, versionId: string, instead: string): Command {
  const move = ["--move-to-version-id", identifier(versionId, 64), "--remove-from-version-id", identifier(instead, 64)];
  return updateStage(facts, "AWSCURRENT", move);
}

export function unfreeze(facts: OutcomeFacts): Command {
  return updateStage(facts, "ROTATION_FROZEN", ["--remove-from-version-id", identifier(facts.token, 64)]);
}

export function readHistory(facts: OutcomeFacts): Command {
  const arn = identifier(facts.execution.arn, 512);
  return ["aws", "stepfunctions", "get-execution-history", "--execution-arn", arn, ...regionOf(facts)];
}

/** For bash. AWS allows no quotes in names and ids, so what has one is not theirs, and must not end the quoting. */
export function shell(command: Command): readonly string[] {
  return command.map((word) => (/^[\w/:=.,@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", "?")}'`));
}

/** Where a person looks at it in AWS's console. undefined: the ARN tells no Region. */
export function consoleLinks(facts: OutcomeFacts): { readonly execution: string; readonly secret: string } | undefined {
  const { partition = "", region } = placeOf(facts);
  const domain = CONSOLES[partition];
  if (domain === undefined || !region) return undefined;
  const name = encodeURIComponent(identifier(facts.secretName ?? facts.secretArn, 512));
  return {
    execution: `https://${region}.${domain}/states/home?region=${region}#/v2/executions/details/${encodeURI(identifier(facts.execution.arn, 512))}`,
    secret: `https://${region}.${domain}/secretsmanager/secret?name=${name}&region=${region}`,
  };
}

const CONSOLES: Readonly<Record<string, string>> = {
  aws: "console.aws.amazon.com",
  "aws-cn": "console.amazonaws.cn",
  "aws-us-gov": "console.amazonaws-us-gov.com",
};

function updateStage(facts: OutcomeFacts, stage: string, move: readonly string[]): Command {
  const call = ["aws", "secretsmanager", "update-secret-version-stage", ...secretId(facts)];
  return [...call, "--version-stage", stage, ...move, ...regionOf(facts)];
}

function secretId({ secretName, secretArn }: OutcomeFacts): Command {
  return ["--secret-id", identifier(secretName ?? secretArn, 512)];
}

function regionOf(facts: OutcomeFacts): Command {
  const { region } = placeOf(facts);
  return region ? ["--region", region] : [];
}
