import { request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { RotationError } from "../errors.ts";
import { ForbiddenAddress, lookupAllowed } from "./http-address.ts";

/** The longest answer that is read, in bytes. */
export const BODY_BYTES = 65_536;

/** The answer may name the version here instead of in its body. */
const VERSION_HEADER = "rotation-version-id";

export interface Exchange {
  readonly method: "GET" | "POST";
  readonly url: string;
  /** "status": the answer's body is left unread. */
  readonly reads: "status" | "version";
  /** Sent as JSON. */
  readonly body?: Readonly<Record<string, string>>;
  /** For everything together: name look-up, connection, TLS, answer. In seconds. */
  readonly timeoutSeconds: number;
  readonly signal: AbortSignal;
}

/** All that is kept of an answer. */
export interface Answer {
  readonly status: number;
  /** Every `versionId` in it, from the header and from the JSON body; null where the field is there without an id. */
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
 * @throws NoAnswer; RotationError ConfigurationInvalid when the name leads to an address that is never asked
 */
export async function exchange({ method, url, reads, body, timeoutSeconds, signal }: Exchange): Promise<Answer> {
  const { protocol, host } = new URL(url);
  const text = body === undefined ? undefined : JSON.stringify(body);
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
      const request = send(url, {
        method,
        agent: false,
        lookup: lookupAllowed,
        signal: stopped.signal,
        headers: {
          accept: "application/json",
          "user-agent": "rotor",
          ...(text === undefined
            ? {}
            : { "content-type": "application/json", "content-length": Buffer.byteLength(text) }),
        },
      });
      request.once("response", resolve);
      request.on("error", reject);
      // Nothing else tells of a connection that ends while an upgrade or nothing at all was answered.
      request.once("close", () => reject(new NoAnswer("closed the connection without an answer")));
      request.end(text);
    });
    return await read(response, reads);
  } catch (error) {
    if (error instanceof ForbiddenAddress) {
      throw new RotationError(
        "ConfigurationInvalid",
        `The name ${host} leads to a link-local, metadata or unspecified address: such an address is never asked.`,
      );
    }
    throw error instanceof NoAnswer ? error : new NoAnswer(why ?? `cannot be reached (${codeOf(error)})`);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", onAbort);
    stopped.abort();
  }
}

async function read(response: IncomingMessage, reads: Exchange["reads"]): Promise<Answer> {
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
  const header = response.headers[VERSION_HEADER];
  const fromHeader = typeof header === "string" ? [header] : [];
  return { status, versionIds: [...fromHeader, ...versionIdIn(Buffer.concat(chunks).toString("utf8"))] };
}

function versionIdIn(body: string): (string | null)[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    return [];
  }
  if (typeof parsed !== "object" || parsed === null || !("versionId" in parsed)) {
    return [];
  }
  return [typeof parsed.versionId === "string" ? parsed.versionId : null];
}

function codeOf(error: unknown): string {
  const code = typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
  return typeof code === "string" && /^[A-Z0-9_]{2,60}$/.test(code) ? code : "connection lost";
}
