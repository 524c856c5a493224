import * as z from "zod/mini";
import { faultOfUrl, networksOf, staysWithin } from "./http-address.ts";

const URLS = ["refresh", "verify", "probe"] as const;

const url = (field: (typeof URLS)[number]) =>
  z.string({ error: `${field} must be a URL` }).check(
    z.superRefine((text, context) => {
      const fault = faultOfUrl(text);
      if (fault !== undefined) {
        context.addIssue({ code: "custom", message: `${field} ${fault}` });
      }
    }),
  );

const seconds = "timeoutSeconds must be a whole number from 1 to 20";
const place = 'version must be {header: "<its name>"} or {json: "<fields, with a dot between>"}';
const networks = 'addresses must be 1 to 20 networks, such as "10.20.0.0/16"';
const key =
  "signing must be an object with secretId, the name or ARN of the key's secret, and kmsKeyArn where it has a key of yours";

/** How an http-endpoint is addressed. */
export const httpTarget = z
  .strictObject(
    {
      /** POST: read the secret again. Absent: it notices a new version by itself. */
      refresh: z.optional(url("refresh")),
      /** GET: healthy, and the version that its newest authentication used. */
      verify: url("verify"),
      /** POST: sign in with that version, without going over to it. */
      probe: z.optional(url("probe")),
      /** Where its answers name the version, and have to. Absent: `versionId` or the header `rotation-version-id`, if anywhere. */
      version: z.optional(
        z.union(
          [
            z.strictObject({ header: z.string({ error: place }).check(z.regex(/^[A-Za-z0-9-]{1,64}$/, place)) }),
            z.strictObject({
              json: z.string({ error: place }).check(z.regex(/^[\w-]{1,64}(\.[\w-]{1,64}){0,7}$/, place)),
            }),
          ],
          { error: place },
        ),
      ),
      /** The networks in which it may be asked, and nowhere else. Absent: see lookupWithin. */
      addresses: z.optional(
        z.array(z.string({ error: networks }), { error: networks }).check(
          z.minLength(1, networks),
          z.maxLength(20, networks),
          z.refine((texts) => networksOf(texts) !== undefined, networks),
        ),
      ),
      /** The secret with the key that refresh and probe are signed with. */
      signing: z.optional(
        z.strictObject(
          {
            secretId: z.string({ error: key }).check(z.minLength(1, key), z.maxLength(2048, key)),
            /** For a deployment's IAM: the customer's key that encrypts that secret. */
            kmsKeyArn: z.optional(z.string({ error: key }).check(z.minLength(1, key), z.maxLength(2048, key))),
          },
          { error: key },
        ),
      ),
      /** For one request as a whole, in seconds. */
      timeoutSeconds: z._default(z.int({ error: seconds }).check(z.minimum(1, seconds), z.maximum(20, seconds)), 5),
    },
    {
      error: (issue) =>
        issue.code === "unrecognized_keys"
          ? `there is no field ${issue.keys.join(", ")}: the fields are refresh, verify, probe, version, addresses, signing and timeoutSeconds`
          : "the target must be an object with at least verify, a URL",
    },
  )
  .check(
    z.superRefine((value, context) => {
      const allowed = networksOf(value.addresses ?? []);
      for (const field of URLS) {
        const text = value[field];
        if (value.addresses === undefined || allowed === undefined || text === undefined) continue;
        if (staysWithin(text, allowed)) continue;
        context.addIssue({
          code: "custom",
          path: [field],
          message: `${field} must name an address that is in addresses`,
        });
      }
      if (value.signing === undefined || value.refresh !== undefined || value.probe !== undefined) return;
      const message = "signing signs refresh and probe, and there is neither";
      context.addIssue({ code: "custom", path: ["signing"], message });
    }),
  );
export type HttpEndpoint = z.infer<typeof httpTarget>;
