import type { Context } from "hono";
import { streamSSE } from "hono/streaming";
import { HEADERS } from "./headers.ts";

/** So often something is written, so that nobody between takes the connection for dead, and one that is dead is noticed. */
const HEARTBEAT_MS = 15_000;

export interface Message {
  readonly event: string;
  readonly data: unknown;
  /** What the client says it has seen, when it comes again. */
  readonly id?: string;
}

/** Server-sent events, until the client leaves or the signal is aborted. Whatever `messages` opens is told by its own signal to close. */
export function streamLive(
  context: Context,
  ending: AbortSignal,
  messages: (signal: AbortSignal) => AsyncIterable<Message>,
): Response {
  const response = streamSSE(context, async (stream) => {
    const over = new AbortController();
    const end = () => over.abort();
    stream.onAbort(end);
    ending.addEventListener("abort", end, { once: true });
    if (ending.aborted) end();
    const heart = setInterval(() => void stream.write(":\n\n"), HEARTBEAT_MS);
    try {
      // The head goes out at once, and not with the first message.
      await stream.write(":\n\n");
      for await (const { data, ...rest } of messages(over.signal)) {
        if (over.signal.aborted) break;
        await stream.writeSSE({ ...rest, data: JSON.stringify(data) });
      }
    } finally {
      clearInterval(heart);
      ending.removeEventListener("abort", end);
      end();
    }
  });
  response.headers.set("cache-control", HEADERS["cache-control"] ?? "");
  return response;
}
