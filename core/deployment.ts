import * as z from "zod/mini";
import { settingField } from "./config-field.ts";
import { KEY_ARN_WANTED, KEY_HERE, parseKeyArn } from "./key-arn.ts";
import { parse, sentence } from "./parse.ts";
import { elsewhere, type Place, parseArn } from "./place.ts";
import { runbook } from "./runbook.ts";
import { MOST_TAGS, tagProblem } from "./tags.ts";
import { undeployable } from "./undeployable.ts";

/** In characters: what an alarm's description has room for, besides what is wrong and the section's name. */
export const LONGEST_ALARMS_RUNBOOK = 700;
/** In characters: every message has one, and is short. */
export const LONGEST_ERRORS_RUNBOOK = 500;

const sections = (longest: number) =>
  runbook(longest).check(
    z.refine((text) => !text.includes("#"), 'must not have a "#" of its own: that of the section is added to it'),
  );

const ids = (prefix: "subnet" | "sg", what: string, most: number) => {
  const id = new RegExp(`^${prefix}-([0-9a-f]{8}|[0-9a-f]{17})$`);
  return z
    .array(z.string().check(z.regex(id, `must be a ${what}'s id: "${prefix}-" and 8 or 17 hexadecimal digits`)))
    .check(z.minLength(1), z.maxLength(most), once(`names a ${what}`));
};

const network = z.strictObject({
  subnetIds: ids("subnet", "subnet", 16),
  securityGroupIds: ids("sg", "security group", 5),
});

const bus = z.string().check(
  z.regex(
    /^arn:aws[a-z-]*:events:[a-z0-9-]+:\d{12}:event-bus\/[A-Za-z0-9_.-]+$/,
    'must be the full ARN of an event bus, "arn:aws:events:<region>:<account>:event-bus/<name>"',
  ),
  z.refine(
    (arn) => !arn.endsWith("/default"),
    "is an account's default bus, on which no Rotor listens for rehearsals: give the other deployment's output rotation-bus-arn",
  ),
);

const requester = z
  .string()
  .check(
    z.regex(
      /^arn:aws[a-z-]*:iam::\d{12}:(role|user)\/[A-Za-z0-9+=,.@_/*-]{1,512}$/,
      'must be the ARN of a role or a user, such as "arn:aws:iam::<account>:role/platform-*": sessions are told by their role',
    ),
  );

const deployment = z.strictObject({
  /** The Region that this is deployed to. */
  region: z
    .string('must be a Region, such as "eu-west-1"')
    .check(z.regex(/^[a-z]{2}(-[a-z]+)+-\d$/, 'must be a Region, such as "eu-west-1"')),
  /** The subnets and security groups from which targets and dependents are reached. Absent: from outside any VPC. */
  network: z.prefault(
    z.strictObject({
      /** The functions that speak to PostgreSQL, and for what has no network at all. */
      postgresql: z.optional(network),
      /** Those that speak to MariaDB. */
      mariadb: z.optional(network),
      /** Those that speak to Redis. */
      redis: z.optional(network),
      /** The function that speaks to dependents. */
      dependents: z.optional(network),
    }),
    {},
  ),
  /** Whether there is a topic for a channel of Slack or Teams, by Amazon Q Developer in chat applications. */
  chat: z._default(z.boolean(), false),
  /** Whether everybody is told on Mondays how the week was. */
  digest: z._default(z.boolean(), true),
  /** The customer's KMS key for execution history, topics, the queue and the logs. Absent: AWS's own keys. */
  kmsKeyArn: z.optional(z.string().check(z.refine((arn) => parseKeyArn(arn) !== undefined, KEY_ARN_WANTED))),
  /**
   * Who may ask for rotations, repairs and rehearsals on the bus, besides Rotor itself: ARNs of roles and users, in which "*"
   * stands for any characters. Absent: whoever may put events on it.
   */
  requesters: z.optional(z.array(requester).check(z.minLength(1), z.maxLength(50), once("names a requester"))),
  /** The rotation buses of the accounts that this one rehearses for. */
  rehearsesFor: z._default(z.array(bus).check(z.maxLength(20), once("names a bus")), []),
  /** Addresses of the pages that alarms and messages link to, each to its own section. */
  runbooks: z.strictObject({
    /** The page with a section for each alarm, as docs/alarms.md has them. */
    alarms: sections(LONGEST_ALARMS_RUNBOOK),
    /** The page with a section for the name of each error and finding, as docs/runbooks.md has them. */
    errors: sections(LONGEST_ERRORS_RUNBOOK),
  }),
  /** Further tags of every resource, such as owner and cost-center. */
  tags: z._default(z.record(z.string(), z.string()).check(z.superRefine(checkTags)), {}),
});

export type Deployment = z.infer<typeof deployment>;
export type DeploymentInput = z.input<typeof deployment>;

/** For `deployment.config.ts`: types the settings in the editor. They are validated when they are deployed. */
export function defineDeployment(settings: DeploymentInput): DeploymentInput {
  return settings;
}

/**
 * Validates the deployment's own settings.
 * @throws RotationError ConfigurationInvalid: names the field and what is allowed
 */
export function parseDeployment(input: unknown): Deployment {
  if (input === undefined) {
    throw undeployable("deployment.config", [
      sentence("The default export", 'is missing: write "export default defineDeployment({...})"'),
    ]);
  }
  const parsed = parse(deployment, input, settingField);
  if (parsed.success) return parsed.data;
  throw undeployable("deployment.config", [parsed.problems]);
}

/**
 * Looks for what only the place shows: a key that is elsewhere, a bus that is this deployment's own.
 *
 * @param here with the ARN of this deployment's own rotation bus
 * @throws RotationError ConfigurationInvalid: every field that is wrong, and how to put it right
 */
export function checkDeployment(
  { kmsKeyArn, rehearsesFor }: Deployment,
  here: Place & { readonly rotationBusArn: string },
): void {
  const problems: string[] = [];
  const key = kmsKeyArn === undefined ? undefined : parseKeyArn(kmsKeyArn);
  const wrongKey = key && elsewhere(key, here, ["partition", "account", "region"], KEY_HERE);
  if (wrongKey !== undefined) problems.push(sentence("kmsKeyArn", wrongKey));
  for (const [index, arn] of rehearsesFor.entries()) {
    const field = settingField(["rehearsesFor", index]);
    const parts = parseArn(arn);
    const wrongBus = parts && elsewhere(parts, here, ["partition"], "no event crosses that, so take it out");
    if (wrongBus !== undefined) problems.push(sentence(field, wrongBus));
    if (arn === here.rotationBusArn) {
      problems.push(
        sentence(field, "is this deployment's own bus: what is rehearsed here is told there anyway. Take it out"),
      );
    }
  }
  if (problems.length > 0) throw undeployable("deployment.config", problems);
}

// --- internal ---

function once(names: string) {
  return z.refine<string[]>((all) => new Set(all).size === all.length, `${names} twice: name each once`);
}

function checkTags(tags: Readonly<Record<string, string>>, context: z.core.$RefinementCtx): void {
  const keys = Object.keys(tags);
  if (keys.length > MOST_TAGS) {
    const message = `has ${keys.length} tags, and there is room for ${MOST_TAGS}: S3 takes 10 for an object, as which each function's code is kept, and the others are set by the deployment itself`;
    context.addIssue({ code: "custom", message });
  }
  for (const [index, key] of keys.entries()) {
    const message = tagProblem(key, tags[key] ?? "", keys.slice(0, index));
    if (message !== undefined) context.addIssue({ code: "custom", path: [key], message });
  }
}
