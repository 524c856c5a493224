import { type ClientRequest, type IncomingHttpHeaders, type OutgoingHttpHeaders, request } from "node:http";
import { type Started, start } from "../cli/rotor.ts";

/** Somebody who looks at a view: a process of `rotor view`, and what it answers. */
export interface Viewer extends AsyncDisposable {
  /** "http://127.0.0.1:<port>/<token>/" */
  readonly url: string;
  readonly process: Started;
  /** @param path below the token's */
  get(path: string, headers?: OutgoingHttpHeaders): Promise<Answer>;
  post(path: string, body: unknown, headers?: OutgoingHttpHeaders): Promise<Answer>;
  /** Server-sent events, until disposed. */
  live(path: string, headers?: OutgoingHttpHeaders): Live;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: each test knows what it has asked for
  json(): any;
}

export interface Live extends Disposable {
  /** What has come so far. */
  // biome-ignore lint/suspicious/noExplicitAny: each test knows what it listens to
  readonly messages: readonly { readonly event: string; readonly id: string | undefined; readonly data: any }[];
  /** Comments so far, which keep the connection. */
  comments(): number;
  hasEnded(): boolean;
}

export async function startView(env: Readonly<Record<string, string>>, ...args: readonly string[]): Promise<Viewer> {
  const process = start(["view", ...args], env);
  let hasEnded = false;
  void process.ended.then(() => {
    hasEnded = true;
  });
  await until(() => process.stdout().includes("\n") || hasEnded);
  const [, url = ""] = /^(http:\/\/127\.0\.0\.1:\d+\/[\w-]+\/)/m.exec(process.stdout()) ?? [];
  if (url === "") throw new Error(`The view did not start: ${process.stderr()}`);
  return {
    ...{ url, process },
    get: (path, headers) => ask("GET", new URL(path, url).href, headers),
    post: (path, body, headers) =>
      ask("POST", new URL(path, url).href, { "content-type": "application/json", ...headers }, JSON.stringify(body)),
    live: (path, headers) => listen(new URL(path, url).href, headers),
    async [Symbol.asyncDispose]() {
      process.interrupt();
      await process.ended;
    },
  };
}

/** One request with exactly these headers, the host among them. */
export function ask(method: string, url: string, headers: OutgoingHttpHeaders = {}, body?: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    send(method, url, headers, body)
      .on("error", reject)
      .on("response", (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (part: string) => {
          text += part;
        });
        response.on("error", reject).on("end", () => {
          resolve({
            ...{ status: response.statusCode ?? 0, headers: response.headers, text },
            json: () => JSON.parse(text),
          });
        });
      });
  });
}

/** Polls, also outside of a test. @throws Error it does not come to that in time */
export async function until(isSo: () => boolean, withinMs = 30_000): Promise<void> {
  for (const endsAt = Date.now() + withinMs; !isSo(); await new Promise((resolve) => setTimeout(resolve, 20))) {
    if (Date.now() > endsAt) throw new Error(`It did not come to that within ${withinMs} ms: ${isSo}`);
  }
}

// --- internal ---

function send(method: string, url: string, headers: OutgoingHttpHeaders, body?: string): ClientRequest {
  const { hostname, port } = new URL(url);
  // As it was given: a URL would be put right.
  const sent = request({ method, hostname, port, path: url.replace(/^http:\/\/[^/]*/, ""), headers, agent: false });
  sent.end(body);
  return sent;
}

function listen(url: string, headers: OutgoingHttpHeaders = {}): Live {
  const messages: { event: string; id: string | undefined; data: unknown }[] = [];
  let [comments, hasEnded, rest] = [0, false, ""];
  const sent = send("GET", url, { accept: "text/event-stream", ...headers })
    .on("error", () => {
      hasEnded = true;
    })
    .on("response", (response) => {
      response.setEncoding("utf8").on("data", (part: string) => {
        const blocks = `${rest}${part}`.split("\n\n");
        rest = blocks.pop() ?? "";
        for (const block of blocks) {
          const field = (name: string) => new RegExp(`^${name}: (.*)$`, "m").exec(block)?.[1];
          const data = field("data");
          if (data === undefined) comments += 1;
          else messages.push({ event: field("event") ?? "", id: field("id"), data: JSON.parse(data) });
        }
      });
      response.on("close", () => {
        hasEnded = true;
      });
    });
  return {
    messages,
    comments: () => comments,
    hasEnded: () => hasEnded,
    [Symbol.dispose]: () => void sent.destroy(),
  };
}
