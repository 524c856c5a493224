import * as z from "zod";
import { FUNCTIONS, type FunctionName } from "./blueprint.ts";
import { RotationError } from "./errors.ts";
import { explain } from "./policies.ts";

const milliseconds = z.coerce.number().int().min(1);

/** Every environment variable a function of ours reads. `core/blueprint.ts` says which function has which. */
const environment = z.object({
  /** The deployment stage: an attribute of every message. */
  STAGE: z.string().min(1),
  STATE_MACHINE_ARN: z.string().startsWith("arn:"),
  /** The rotation function of native secrets: a secret with another one is not ours to rotate. */
  GATE_FUNCTION_ARN: z.string().startsWith("arn:"),
  /** The function that may read values: reconcile asks it whether AWSCURRENT signs in. */
  ROLL_BACK_FUNCTION_ARN: z.string().startsWith("arn:"),
  /** Digest of the workflow's definition: what a rehearsal has proved is bound to it. */
  DEFINITION_DIGEST: z.string().regex(/^[0-9a-f]{64}$/, "must be 64 hexadecimal digits"),
  /** The secret whose tags prove that the trail delivers. */
  HEARTBEAT_SECRET_ARN: z.string().startsWith("arn:"),
  ROTATION_BUS_NAME: z.string().min(1),
  EVENTS_TOPIC_ARN: z.string().startsWith("arn:"),
  EMAIL_TOPIC_ARN: z.string().startsWith("arn:"),
  /** How long one connection attempt or statement at a target may take, in milliseconds. */
  TARGET_TIMEOUT_MS: milliseconds.max(5000).default(5000),
  /** The pause between the two agreeing reads that prove a rollback, in milliseconds. */
  CONFIRM_PAUSE_MS: milliseconds.max(10_000).default(5000),
  /** The gate's first pause between two looks at its execution, in milliseconds; later ones grow to 30 s. */
  GATE_FIRST_PAUSE_MS: milliseconds.max(10_000).default(500),
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
  const parsed = environment.pick(mask as { [K in keyof Environment]?: true }).safeParse(values);
  if (parsed.success) return parsed.data as Pick<Environment, (typeof FUNCTIONS)[N]["environment"][number]>;
  throw new RotationError("ConfigurationInvalid", `Function ${name} is deployed wrong. ${explain(parsed.error)}`);
}
