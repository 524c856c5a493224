import { createHmac } from "node:crypto";

/** The shortest and the longest key, in bytes (Standard Webhooks, "Signature scheme"). */
const KEY_BYTES = { least: 24, most: 64 } as const;

/** A key as it lies in its secret: "whsec_" and base64 of 24 to 64 bytes. undefined for anything else. Pure. */
export function parseSigningKey(text: string): Buffer | undefined {
  const base64 = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(text)?.[1];
  if (base64 === undefined) return undefined;
  const key = Buffer.from(base64, "base64");
  return key.length >= KEY_BYTES.least && key.length <= KEY_BYTES.most ? key : undefined;
}

/**
 * The headers that sign one message, as Standard Webhooks 1.0 has them: HMAC-SHA256 over `<id>.<timestamp>.<body>`. Any library
 * for it verifies them. Pure.
 *
 * @param id of this message and no other: a receiver refuses one that it has seen
 */
export function signatureHeaders(key: Buffer, body: string, id: string, at: Date): Readonly<Record<string, string>> {
  const timestamp = Math.floor(at.getTime() / 1000);
  const signature = createHmac("sha256", key).update(`${id}.${timestamp}.${body}`).digest("base64");
  return { "webhook-id": id, "webhook-timestamp": String(timestamp), "webhook-signature": `v1,${signature}` };
}
