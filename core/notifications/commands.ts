import type { OutcomeFacts } from "../outcome.ts";
import { identifier } from "./text.ts";

/** A command for a shell: its words, unquoted. */
export type Command = readonly string[];
type SecretFacts = Pick<OutcomeFacts, "secretArn" | "secretName">;

/** Parts of the secret's ARN; each is undefined when the ARN is not one. */
export function placeOf({ secretArn }: Pick<OutcomeFacts, "secretArn">) {
  const [arn, partition, , region, account] = identifier(secretArn, 2048).split(":");
  return arn === "arn"
    ? { partition, region, account }
    : { partition: undefined, region: undefined, account: undefined };
}

export function rotateSecret(facts: SecretFacts): Command {
  return ["aws", "secretsmanager", "rotate-secret", ...secretId(facts), ...regionOf(facts)];
}

export function describeSecret(facts: SecretFacts): Command {
  return ["aws", "secretsmanager", "describe-secret", ...secretId(facts), ...regionOf(facts)];
}

export function listVersions(facts: SecretFacts): Command {
  return ["aws", "secretsmanager", "list-secret-version-ids", ...secretId(facts), ...regionOf(facts)];
}

/**
 * Moves AWSCURRENT, naming where it has to be now: refused when somebody else has moved it meanwhile.
 * @param instead undefined: it is on no version
 */
export function makeCurrent(facts: SecretFacts, versionId: string, instead: string | undefined): Command {
  const from = instead === undefined ? [] : ["--remove-from-version-id", identifier(instead, 64)];
  return updateStage(facts, "AWSCURRENT", ["--move-to-version-id", identifier(versionId, 64), ...from]);
}

export function takeOff(facts: SecretFacts, label: string, versionId: string): Command {
  return updateStage(facts, label, ["--remove-from-version-id", identifier(versionId, 64)]);
}

/** `kind`: whether the master user is that of an instance or of a cluster, which the secret's name tells. */
export function rotateMasterUser(facts: SecretFacts, kind: "instance" | "cluster"): Command {
  const id = [`--db-${kind}-identifier`, kind.toUpperCase()];
  return [
    "aws",
    "rds",
    `modify-db-${kind}`,
    ...id,
    "--rotate-master-user-password",
    "--apply-immediately",
    ...regionOf(facts),
  ];
}

/** What a function has logged since then; undefined when its ARN, which may have been cut, does not tell its name. */
export function readLog(functionArn: string, since: string): Command | undefined {
  const [, region, name] = /^arn:[\w-]+:lambda:([\w-]+):\d{12}:function:([\w-]{1,64})(?::|$)/.exec(functionArn) ?? [];
  if (region === undefined || name === undefined) return undefined;
  return ["aws", "logs", "tail", `/aws/lambda/${name}`, "--since", since, "--region", region];
}

export function readHistory(facts: SecretFacts, executionArn: string): Command {
  const arn = identifier(executionArn, 512);
  return ["aws", "stepfunctions", "get-execution-history", "--execution-arn", arn, ...regionOf(facts)];
}

/** For bash. AWS allows no quotes in names and ids, so what has one is not theirs, and must not end the quoting. */
export function shell(command: Command): readonly string[] {
  return command.map((word) => (/^[\w/:=.,@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", "?")}'`));
}

/** Where a person looks at it in AWS's console. undefined: the ARN tells no Region. */
export function executionLink(facts: SecretFacts, executionArn: string): string | undefined {
  return consoleLink(facts, (region) => {
    const arn = encodeURI(identifier(executionArn, 512));
    return `states/home?region=${region}#/v2/executions/details/${arn}`;
  });
}

export function secretLink(facts: SecretFacts): string | undefined {
  return consoleLink(facts, (region) => {
    const name = encodeURIComponent(identifier(facts.secretName ?? facts.secretArn, 512));
    return `secretsmanager/secret?name=${name}&region=${region}`;
  });
}

function consoleLink(facts: SecretFacts, path: (region: string) => string): string | undefined {
  const { partition = "", region } = placeOf(facts);
  const domain = CONSOLES[partition];
  return domain === undefined || !region ? undefined : `https://${region}.${domain}/${path(region)}`;
}

const CONSOLES: Readonly<Record<string, string>> = {
  aws: "console.aws.amazon.com",
  "aws-cn": "console.amazonaws.cn",
  "aws-us-gov": "console.amazonaws-us-gov.com",
};

function updateStage(facts: SecretFacts, stage: string, move: readonly string[]): Command {
  const call = ["aws", "secretsmanager", "update-secret-version-stage", ...secretId(facts)];
  return [...call, "--version-stage", stage, ...move, ...regionOf(facts)];
}

function secretId({ secretName, secretArn }: SecretFacts): Command {
  return ["--secret-id", identifier(secretName ?? secretArn, 700)];
}

function regionOf(facts: SecretFacts): Command {
  const { region } = placeOf(facts);
  return region ? ["--region", region] : [];
}
