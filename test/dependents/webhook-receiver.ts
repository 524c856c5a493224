import { createHmac, timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";

const TOLERANCE_SECONDS = 300;

/** The receiver of docs/http-endpoint.md: whether a message is from Rotor, fresh, and not seen before. */
export function createReceiver(secrets: readonly string[], now: () => number = Date.now) {
  const seen = new Map<string, number>();
  return (headers: IncomingHttpHeaders, rawBody: string): boolean => {
    const { "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": signatures } = headers;
    const seconds = now() / 1000;
    if (typeof id !== "string" || typeof signatures !== "string") return false;
    if (!(Math.abs(seconds - Number(timestamp)) <= TOLERANCE_SECONDS)) return false;
    const isSigned = secrets.some((secret) => {
      const key = Buffer.from(secret.replace(/^whsec_/, ""), "base64");
      const expected = createHmac("sha256", key).update(`${id}.${timestamp}.${rawBody}`).digest();
      return signatures.split(" ").some((each) => {
        const [version, signature = ""] = each.split(",");
        const given = Buffer.from(signature, "base64");
        return version === "v1" && given.length === expected.length && timingSafeEqual(given, expected);
      });
    });
    if (!isSigned || seen.has(id)) return false;
    for (const [old, at] of seen) if (seconds - at > 2 * TOLERANCE_SECONDS) seen.delete(old);
    seen.set(id, seconds);
    return true;
  };
}
