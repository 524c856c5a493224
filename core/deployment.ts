import * as z from "zod/mini";
import { ENGINES } from "./blueprint.ts";
import { RotationError } from "./errors.ts";
import { parse } from "./parse.ts";
import type { Policy } from "./policies.ts";

const network = z.strictObject({
  subnetIds: z
    .array(
      z
        .string()
        .check(
          z.regex(
            /^subnet-([0-9a-f]{8}|[0-9a-f]{17})$/,
            'must be a subnet\'s id: "subnet-" and 8 or 17 hexadecimal digits',
          ),
        ),
    )
    .check(z.minLength(1), z.maxLength(16)),
  securityGroupIds: z
    .array(
      z
        .string()
        .check(
          z.regex(
            /^sg-([0-9a-f]{8}|[0-9a-f]{17})$/,
            'must be a security group\'s id: "sg-" and 8 or 17 hexadecimal digits',
          ),
        ),
    )
    .check(z.minLength(1), z.maxLength(5)),
});

const keyArn = z
  .string()
  .check(
    z.regex(
      /^arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key\/[A-Za-z0-9-]+$/,
      'must be the full ARN of a KMS key, "arn:aws:kms:<region>:<account>:key/<id>": IAM knows no alias',
    ),
  );

const deployment = z.strictObject({
  /** The Region that this is deployed to. */
  region: z.string().check(z.regex(/^[a-z]{2}(-[a-z]+)+-\d$/, 'must be a Region, such as "eu-west-1"')),
  /** The subnets and security groups from which targets and dependents are reached. Absent: from outside any VPC. */
  network: z.prefault(
    z.strictObject({
      /** The functions that speak to PostgreSQL. */
      postgresql: z.optional(network),
      /** The function that speaks to dependents. */
      dependents: z.optional(network),
    }),
    {},
  ),
  /** The customer's KMS key for execution history, topics, the queue and the logs. Absent: AWS's own keys. */
  kmsKeyArn: z.optional(keyArn),
  /** The rotation buses of the accounts that this one rehearses for. */
  rehearsesFor: z._default(
    z
      .array(
        z
          .string()
          .check(
            z.regex(
              /^arn:aws[a-z-]*:events:[a-z0-9-]+:\d{12}:event-bus\/[A-Za-z0-9_.-]+$/,
              'must be the full ARN of an event bus, "arn:aws:events:<region>:<account>:event-bus/<name>"',
            ),
          ),
      )
      .check(z.maxLength(20)),
    [],
  ),
  /** Address of the page with a section for each alarm, as docs/alarms.md has them: each alarm links to its own. */
  runbook: z.url({ protocol: /^https?$/ }),
  /** Further tags of every resource, such as owner and cost-center. */
  tags: z._default(
    z.record(z.string().check(z.regex(/^(?!aws:|sst:)[\w .:/=+@-]{1,128}$/)), z.string().check(z.maxLength(256))),
    {},
  ),
});

export type Deployment = z.infer<typeof deployment>;
export type DeploymentInput = z.input<typeof deployment>;

/** For `rotation.config.ts`: types the settings in the editor. They are validated when they are deployed. */
export function defineDeployment(settings: DeploymentInput): DeploymentInput {
  return settings;
}

/** Where a stage is deployed to. */
export interface Place {
  readonly account: string;
  readonly region: string;
}

/**
 * Validates the deployment's own settings.
 * @throws RotationError ConfigurationInvalid: names the field and what is allowed
 */
export function parseDeployment(input: unknown): Deployment {
  const parsed = parse(deployment, input);
  if (parsed.success) return parsed.data;
  throw invalid("deployment", parsed.problems);
}

/**
 * Looks for what the functions would find only when they run, or AWS half-way through a deployment: the policies as such are
 * parsed already.
 *
 * @throws RotationError ConfigurationInvalid: every field that is wrong, and how to put it right
 */
export function checkPolicies(policies: readonly Policy[], place: Place): void {
  const problems = policies.flatMap((policy, index) =>
    problemsOf(policy, place).map(([field, problem]) => `Field ${index}.${field}: ${problem}.`),
  );
  problems.push(...doubles(policies));
  if (problems.length > 0) throw invalid("policies", problems.join(" "));
}

/** What a deployment sees of a secret that a policy names. */
export interface FoundSecret {
  readonly arn: string;
  /** The customer's key that its values are encrypted with; empty or absent for AWS's own. */
  readonly kmsKeyId?: string;
  /** The function that rotates it now; empty or absent for none. */
  readonly rotationFunctionArn?: string;
}

/**
 * The policies with the ARNs of the secrets that they name. Roles allow exactly those, and a native rotation is bound to the
 * ARN: bound to the name, it would be taken off and put on again by every deployment.
 *
 * @param found by the policies' own secretId or administratorSecretId; a text says why it could not be read
 * @param gateOf the name of the gate of any stage of this app, as a pattern, and the one of this stage
 * @throws RotationError ConfigurationInvalid: every secret that is not there, has a key that is not declared, or is another
 *   stage's to rotate
 */
export function bindPolicies(
  policies: readonly Policy[],
  found: ReadonlyMap<string, FoundSecret | string>,
  gate: { readonly name: string; readonly ofAnyStage: RegExp },
): readonly Policy[] {
  const problems: string[] = [];
  const arnOf = (index: number, field: string, id: string): string => {
    const secret = found.get(id) ?? "it was not looked for";
    if (typeof secret !== "string") return secret.arn;
    problems.push(`Field ${index}.${field}: the secret "${id}" could not be read: ${secret}. Create it first.`);
    return id;
  };
  const bound = policies.map((policy, index) => {
    const { secretId, administratorSecretId: administrator } = policy;
    const secret = found.get(secretId);
    if (secret !== undefined && typeof secret !== "string") {
      problems.push(
        ...problemsOfFound(policy, secret, gate).map(([field, problem]) => `Field ${index}.${field}: ${problem}.`),
      );
    }
    return {
      ...policy,
      secretId: arnOf(index, "secretId", secretId),
      ...(administrator === undefined
        ? {}
        : { administratorSecretId: arnOf(index, "administratorSecretId", administrator) }),
    };
  });
  if (problems.length > 0) throw invalid("policies", problems.join(" "));
  return bound;
}

// --- internal ---

function problemsOfFound(
  { mode, strategy, kmsKeyArn }: Policy,
  { kmsKeyId = "", rotationFunctionArn = "" }: FoundSecret,
  gate: { readonly name: string; readonly ofAnyStage: RegExp },
): readonly Problem[] {
  const problems: Problem[] = [];
  const ownKey = kmsKeyId !== "" && !kmsKeyId.endsWith("alias/aws/secretsmanager");
  if (ownKey && strategy !== undefined && kmsKeyArn === undefined) {
    problems.push(["kmsKeyArn", `the secret's values are under the key ${kmsKeyId}: give that key's full ARN`]);
  }
  const rotatedBy = rotationFunctionArn.split(":function:")[1] ?? "";
  if (mode === "native" && rotatedBy !== gate.name && gate.ofAnyStage.test(rotatedBy)) {
    problems.push([
      "secretId",
      `${rotatedBy} rotates this secret: take it out of that stage, deploy that, and then this one`,
    ]);
  }
  return problems;
}

type Problem = readonly [field: string, problem: string];

const NAME = /^[A-Za-z0-9/_+=.@!-]{1,512}$/;
const ARN =
  /^arn:(?:aws[a-z-]*):secretsmanager:([a-z0-9-]+):(\d{12}):secret:([A-Za-z0-9/_+=.@!-]{1,512}-[A-Za-z0-9]{6})$/;

function problemsOf(policy: Policy, place: Place): readonly Problem[] {
  const { secretId, administratorSecretId: administrator, kmsKeyArn, strategy, mode } = policy;
  const problems: Problem[] = [...problemsOfId("secretId", secretId, place)];
  if (administrator !== undefined) problems.push(...problemsOfId("administratorSecretId", administrator, place));
  if (kmsKeyArn !== undefined && !keyArn.safeParse(kmsKeyArn).success) {
    problems.push(["kmsKeyArn", 'must be the full ARN of a KMS key, "arn:aws:kms:<region>:<account>:key/<id>"']);
  }
  if (strategy !== undefined && !Object.hasOwn(ENGINES, strategy)) {
    problems.push(["strategy", `there is no strategy of that name; there are: ${Object.keys(ENGINES).join(", ")}`]);
  }
  if (strategy === "postgres-alternating-users" && administrator === undefined) {
    problems.push([
      "administratorSecretId",
      "name the secret behind masterarn: functions may read nothing that no policy names",
    ]);
  }
  if (mode !== "observed" && isManaged(secretId)) {
    problems.push([
      "mode",
      `an AWS service manages this secret and rotates it itself, so "${mode}" cannot be: set mode to "observed"`,
    ]);
  }
  return problems;
}

function problemsOfId(field: string, id: string, { account, region }: Place): readonly Problem[] {
  if (!id.startsWith("arn:")) {
    if (!NAME.test(id))
      return [[field, "must be a secret's name (1 to 512 of A-Z a-z 0-9 / _ + = . @ ! -) or its full ARN"]];
    if (/-[A-Za-z0-9]{6}$/.test(id)) {
      return [
        [
          field,
          "ends like an ARN, with a hyphen and six characters, and so cannot be told from another secret's: give its full ARN",
        ],
      ];
    }
    return [];
  }
  const [, inRegion, ofAccount] = ARN.exec(id) ?? [];
  if (inRegion === undefined) {
    return [
      [field, 'must be the full ARN, "arn:aws:secretsmanager:<region>:<account>:secret:<name>-<six characters>"'],
    ];
  }
  if (ofAccount !== account)
    return [[field, `is of another account, and this deploys to ${account}: each account has its own Rotor`]];
  if (inRegion !== region)
    return [[field, `is in ${inRegion}, and this deploys to ${region}: each Region has its own Rotor`]];
  return [];
}

/** Names of secrets that AWS services make for themselves: "rds!cluster-...", "events!connection/...". Nobody else may have a "!". */
function isManaged(secretId: string): boolean {
  return nameOf(secretId).includes("!");
}

/** One secret, once by its name and once by its ARN: parsePolicies sees that two names are the same, and no more. */
function doubles(policies: readonly Policy[]): readonly string[] {
  const names = policies.map(({ secretId }) => nameOf(secretId));
  return names.flatMap((name, index) => {
    const first = names.indexOf(name);
    return first === index
      ? []
      : [`Field ${index}.secretId: entry ${first} is for the same secret: leave one of them.`];
  });
}

function nameOf(secretId: string): string {
  return secretId.startsWith("arn:") ? (secretId.split(":secret:")[1] ?? "").replace(/-[A-Za-z0-9]{6}$/, "") : secretId;
}

function invalid(what: string, problems: string): RotationError {
  return new RotationError(
    "ConfigurationInvalid",
    `rotation.config: the ${what} cannot be deployed. ${problems} Nothing was deployed.`,
  );
}
