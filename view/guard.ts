import { createHash, timingSafeEqual } from "node:crypto";
import type { MiddlewareHandler } from "hono";
import { HTTPException } from "hono/http-exception";

export interface Guarded {
  readonly token: string;
  /** Known once it listens. */
  readonly port: () => number;
}

/**
 * Lets in whoever knows the token, by a name of this machine, with a method that is served. Other names are those of pages that have
 * their name answered with this address; what changes something has to come from a page of ours, and not from a form.
 */
export function guard({ token, port }: Guarded): MiddlewareHandler {
  return async (context, next) => {
    const { method } = context.req;
    const host = context.req.header("host") ?? "";
    if (!hostsOf(port()).includes(host)) throw new HTTPException(403, { message: "Forbidden" });
    const [, first = ""] = new URL(context.req.url).pathname.split("/");
    if (!isSame(first, token)) throw new HTTPException(404, { message: "Not Found" });
    if (method !== "GET" && method !== "POST") throw new HTTPException(405, { message: "Method Not Allowed" });
    if (method === "POST") {
      const origin = context.req.header("origin");
      if (origin !== undefined && origin !== `http://${host}`) throw new HTTPException(403, { message: "Forbidden" });
      const type = context.req.header("content-type") ?? "";
      if (!/^application\/json(;|$)/i.test(type)) throw new HTTPException(415, { message: "Unsupported Media Type" });
    }
    await next();
  };
}

// --- internal ---

/** As a browser writes them: without the port that is the scheme's own. */
function hostsOf(port: number): readonly string[] {
  return ["127.0.0.1", "localhost"].map((name) => new URL(`http://${name}:${port}`).host);
}

/** In the same time, whatever was guessed. */
function isSame(given: string, wanted: string): boolean {
  const [a, b] = [given, wanted].map((text) => createHash("sha256").update(text).digest());
  return a !== undefined && b !== undefined && timingSafeEqual(a, b);
}
