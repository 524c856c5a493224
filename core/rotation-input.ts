import * as z from "zod/mini";

/** What an execution is started with. */
export const rotationInput = z.strictObject({
  secretArn: z.string().check(z.startsWith("arn:")),
  /** VersionId of the candidate. */
  token: z.string().check(z.minLength(32), z.maxLength(64)),
  mode: z.enum(["native", "driven", "observed", "repair"]),
});
export type RotationInput = z.infer<typeof rotationInput>;
