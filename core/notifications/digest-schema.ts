import * as z from "zod/mini";
import { digest } from "../digest.ts";
import { DIGEST_EVENT } from "./names.ts";
import { messageFields, severity } from "./schema.ts";

/** The message on the events topic. Additive changes only. */
export const digestBody = z.strictObject({
  schema: z.literal("rotation.digest/1"),
  id: z.string(),
  event: z.literal(DIGEST_EVENT),
  severity,
  /** Whether something of it was not put right: what the summary begins with. */
  actionRequired: z.boolean(),
  /** What has to be done, how the week was, and what is due. */
  summary: z.string(),
  /** The deployment stage. */
  stage: z.string(),
  ...digest.shape,
});
export type DigestBody = z.infer<typeof digestBody>;

/** One week, for every audience. The id is the same whenever the same week is told. */
export const digestNotification = z.strictObject({
  ...messageFields,
  event: z.literal(DIGEST_EVENT),
  json: digestBody,
});
export type DigestNotification = z.infer<typeof digestNotification>;
