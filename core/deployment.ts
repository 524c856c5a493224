import * as z from "zod";
import { ENGINES } from "./blueprint.ts";
import { RotationError } from "./errors.ts";
import { explain, type Policy } from "./policies.ts";

const network = z.strictObject({
  subnetIds: z
    .array(
      z
        .string()
        .regex(
          /^subnet-([0-9a-f]{8}|[0-9a-f]{17})$/,
          'must be a subnet\'s id: "subnet-" and 8 or 17 hexadecimal digits',
        ),
    )
    .min(1)
    .max(16),
  securityGroupIds: z
    .array(
      z
        .string()
        .regex(
          /^sg-([0-9a-f]{8}|[0-9a-f]{17})$/,
          'must be a security group\'s id: "sg-" and 8 or 17 hexadecimal digits',
        ),
    )
    .min(1)
    .max(5),
});

const keyArn = z
  .string()
  .regex(
    /^arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key\/[A-Za-z0-9-]+$/,
    'must be the full ARN of a KMS key, "arn:aws:kms:<region>:<account>:key/<id>": IAM knows no alias',
  );

const deployment = z.strictObject({
  /** The Region that this is deployed to. */
  region: z.string().regex(/^[a-z]{2}(-[a-z]+)+-\d$/, 'must be a Region, such as "eu-west-1"'),
  /** The subnets and security groups from which targets and dependents are reached. Absent: from outside any VPC. */
  network: z
    .strictObject({
      /** The functions that speak to PostgreSQL. */
      postgresql: network.optional(),
      /** The function that speaks to dependents. */
      dependents: network.optional(),
    })
    .prefault({}),
  /** The customer's KMS key for execution history, topics, the queue and the logs. Absent: AWS's own keys. */
  kmsKeyArn: keyArn.optional(),
  /** The rotation buses of the accounts that this one rehearses for. */
  rehearsesFor: z
    .array(
      z
        .string()
        .regex(
          /^arn:aws[a-z-]*:events:[a-z0-9-]+:\d{12}:event-bus\/[A-Za-z0-9_.-]+$/,
          'must be the full ARN of an event bus, "arn:aws:events:<region>:<account>:event-bus/<name>"',
        ),
    )
    .max(20)
    .default([]),
  /** Address of the page with a section for each alarm, as docs/alarms.md has them: each alarm links to its own. */
  runbook: z.url({ protocol: /^https?$/ }),
  /** Further tags of every resource, such as owner and cost-center. */
  tags: z.record(z.string().regex(/^(?!aws:|sst:)[\w .:/=+@-]{1,128}$/), z.string().max(256)).default({}),
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
  const parsed = deployment.safeParse(input);
  if (parsed.success) return parsed.data;
  throw invalid("deployment", explain(parsed.error));
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

// --- internal ---

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
