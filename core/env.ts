import * as z from "zod/mini";
import { FUNCTIONS, type FunctionName } from "./blueprint.ts";
import { ENGINES, type Engine } from "./engines.ts";
import { RotationError } from "./errors.ts";
import { parse } from "./parse.ts";

// Not z.coerce, whose numbers come with dates and big integers: see the sizes of the bundles.
const milliseconds = (most: number) => z.pipe(z.transform(Number), z.int().check(z.minimum(1), z.maximum(most)));

/** Every environment variable a function of ours reads. `core/blueprint.ts` says which function has which. */
const environment = z.object({
  /** The deployment stage: it selects the policies, and is an attribute of every message. */
  STAGE: z.string().check(z.minLength(1)),
  /** The kind of target that the function has the driver for. */
  ENGINE: z.enum(Object.keys(ENGINES) as [Engine, ...Engine[]]),
  STATE_MACHINE_ARN: z.string().check(z.startsWith("arn:")),
  /** The rotation function of native secrets: a secret with another one is not ours to rotate. */
  GATE_FUNCTION_ARN: z.string().check(z.startsWith("arn:")),
  /** The function that stands in the dependents' network: Plan asks it how they are. */
  DEPENDENTS_FUNCTION_ARN: z.string().check(z.startsWith("arn:")),
  /** The function that may read values: reconcile asks it whether AWSCURRENT signs in. */
  ROLL_BACK_FUNCTION_ARN: z.string().check(z.startsWith("arn:")),
  /** Digest of the workflow's definition: what a rehearsal has proved is bound to it. */
  DEFINITION_DIGEST: z.string().check(z.regex(/^[0-9a-f]{64}$/, "must be 64 hexadecimal digits")),
  /** The secret whose tags prove that the trail delivers. */
  HEARTBEAT_SECRET_ARN: z.string().check(z.startsWith("arn:")),
  ROTATION_BUS_NAME: z.string().check(z.minLength(1)),
  EVENTS_TOPIC_ARN: z.string().check(z.startsWith("arn:")),
  EMAIL_TOPIC_ARN: z.string().check(z.startsWith("arn:")),
  /** Absent: the deployment has none. */
  CHAT_TOPIC_ARN: z.optional(z.string().check(z.startsWith("arn:"))),
  /** The page with a section for the name of each error and finding. Absent: messages link to none. */
  ERROR_RUNBOOK_URL: z.optional(z.string().check(z.startsWith("http"))),
  /** Absent: people are told of each week by nobody. */
  DIGEST: z.optional(z.literal("weekly")),
  /** How long one connection attempt or statement at a target may take, in milliseconds. */
  TARGET_TIMEOUT_MS: z._default(milliseconds(5000), 5000),
  /** The pause between the two agreeing reads that prove a rollback, in milliseconds. */
  CONFIRM_PAUSE_MS: z._default(milliseconds(10_000), 5000),
  /** The gate's first pause between two looks at its execution, in milliseconds; later ones grow to 30 s. */
  GATE_FIRST_PAUSE_MS: z._default(milliseconds(10_000), 500),
});
type Environment = z.infer<typeof environment>;

/**
 * The variables of one function, as its row of the blueprint lists them.
 * @throws RotationError ConfigurationInvalid naming the variable
 */
export function readEnvironment<N extends FunctionName>(
  name: N,
  values: Readonly<Record<string, string | undefined>> = process.env,
): Pick<Environment, (typeof FUNCTIONS)[N]["environment"][number]> {
  const mask = Object.fromEntries(FUNCTIONS[name].environment.map((variable) => [variable, true])) as Record<
    (typeof FUNCTIONS)[N]["environment"][number],
    true
  >;
  const parsed = parse(z.pick(environment, mask as { [K in keyof Environment]?: true }), values);
  if (parsed.success) return parsed.data as Pick<Environment, (typeof FUNCTIONS)[N]["environment"][number]>;
  throw new RotationError("ConfigurationInvalid", `Function ${name} is deployed wrong. ${parsed.problems}`);
}
