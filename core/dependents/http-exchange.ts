import { request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { RotationError } from "../errors.ts";
import { type Allowed, ForbiddenAddress, lookupWithin } from "./http-address.ts";

/** The longest answer that is read, in bytes. */
export const BODY_BYTES = 65_536;

/** Where an answer names the version: in a header, or at a field of its JSON. */
export type VersionPlace = { readonly header: string } | { readonly json: string };

/** Where it is looked for when the policy does not say: in both, and both have to agree. */
const USUAL_PLACES: readonly VersionPlace[] = [{ header: "rotation-version-id" }, { json: "versionId" }];

export interface Exchange {
  readonly method: "GET" | "POST";
  readonly url: string;
  /** "status": the answer's body is left unread. "version": the version's id is looked for in `place`, or where it usually is. */
  readonly reads: "status" | "version";
  readonly place?: VersionPlace | undefined;
  /** JSON. */
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly allowed?: Allowed;
  /** For everything together: name look-up, connection, TLS, answer. In seconds. */
  readonly timeoutSeconds: number;
  readonly signal: AbortSignal;
}

/** All that is kept of an answer. */
export interface Answer {
  readonly status: number;
  /** Every version id in it, from a header and from its JSON; null where the field is there without an id. */
  readonly versionIds: readonly (string | null)[];
}

/** There was no answer that can be used; `why` is fit to be shown. */
export class NoAnswer extends Error {
  override readonly name = "NoAnswer";
  readonly why: string;

  constructor(why: string) {
    super(why);
    this.why = why;
  }
}

/**
 * One request on a connection of its own. Follows no redirect, reads at most BODY_BYTES, and ends when the time is over
 * or the signal aborts. Of a failure only the code is kept: texts of errors repeat what was sent.
 * @throws NoAnswer; RotationError ConfigurationInvalid when the name leads to an address at which it may not be asked
 */
export async function exchange(request: Exchange): Promise<Answer> {
  const { method, url, body, timeoutSeconds, signal } = request;
  const { protocol, host } = new URL(url);
  const stopped = new AbortController();
  let why: string | undefined;
  const stop = (reason: string) => {
    why ??= reason;
    stopped.abort();
  };
  const onAbort = () => stop("was stopped");
  const timer = setTimeout(() => stop(`gave no answer within ${timeoutSeconds} s`), timeoutSeconds * 1000);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    if (signal.aborted) {
      throw new NoAnswer("was stopped");
    }
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const send = protocol === "https:" ? httpsRequest : httpRequest;
      const sent = send(url, {
        method,
        agent: false,
        lookup: lookupWithin(request.allowed),
        signal: stopped.signal,
        headers: {
          accept: "application/json",
          "user-agent": "rotor",
          ...(body === undefined
            ? {}
            : { "content-type": "application/json", "content-length": Buffer.byteLength(body) }),
          ...request.headers,
        },
      });
      sent.once("response", resolve);
      sent.on("error", reject);
      // Nothing else tells of a connection that ends while an upgrade or nothing at all was answered.
      sent.once("close", () => reject(new NoAnswer("closed the connection without an answer")));
      sent.end(body);
    });
    return await read(response, request);
  } catch (error) {
    if (error instanceof ForbiddenAddress) {
      throw new RotationError("ConfigurationInvalid", `The name ${host} ${error.why}.`);
    }
    throw error instanceof NoAnswer ? error : new NoAnswer(why ?? `cannot be reached (${codeOf(error)})`);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", onAbort);
    stopped.abort();
  }
}

async function read(response: IncomingMessage, { reads, place }: Exchange): Promise<Answer> {
  const status = response.statusCode ?? 0;
  // Only a 2xx says something of a version.
  if (reads === "status" || status < 200 || status > 299) {
    return { status, versionIds: [] };
  }
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > BODY_BYTES) {
      throw new NoAnswer(`answered with more than ${BODY_BYTES / 1024} KiB`);
    }
    chunks.push(chunk);
  }
  const body = Buffer.concat(chunks).toString("utf8");
  const places = place === undefined ? USUAL_PLACES : [place];
  return { status, versionIds: places.flatMap((each) => versionIdAt(each, response, body)) };
}

function versionIdAt(place: VersionPlace, { headers }: IncomingMessage, body: string): (string | null)[] {
  if ("json" in place) return versionIdIn(body, place.json.split("."));
  const header = headers[place.header.toLowerCase()];
  return typeof header === "string" ? [header] : [];
}

function versionIdIn(body: string, path: readonly string[]): (string | null)[] {
  let found: unknown;
  try {
    found = JSON.parse(body);
  } catch {
    return [];
  }
  for (const field of path) {
    if (typeof found !== "object" || found === null || !Object.hasOwn(found, field)) return [];
    found = (found as Readonly<Record<string, unknown>>)[field];
  }
  return [typeof found === "string" ? found : null];
}

function codeOf(error: unknown): string {
  const code = typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
  return typeof code === "string" && /^[A-Z0-9_]{2,60}$/.test(code) ? code : "connection lost";
}
