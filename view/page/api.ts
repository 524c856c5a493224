import type { ApiError } from "../wire.ts";

/** The first part of the address is the token, which everything that is asked for is below. */
export const BASE = `/${location.pathname.split("/")[1] ?? ""}`;

/** What the server said that kept it from answering. */
export class Refused extends Error {
  override readonly name = "Refused";
  readonly status: number;
  readonly todo: string | null;

  constructor(status: number, { message, todo }: ApiError) {
    super(message);
    this.status = status;
    this.todo = todo;
  }
}

/** @throws Refused, and TypeError where there is no server */
export async function ask<T>(path: string, body?: unknown): Promise<T> {
  const request =
    body === undefined
      ? {}
      : { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  const reply = await fetch(`${BASE}/api/${path}`, request);
  const answer: unknown = await reply.json().catch(() => undefined);
  if (reply.ok) return answer as T;
  const said = answer as ApiError | undefined;
  throw new Refused(reply.status, said ?? { message: `The server answered ${reply.status}.`, todo: null });
}

/** How a page stands to its server. "refused": another one answers there, which does not know this page's token. */
export type Connection = "connecting" | "live" | "gone" | "refused";

/** Between two tries to find the server again, in ms. */
const AGAIN_MS = 2000;

export interface LiveOptions {
  /** Below `api/`; asked anew at each try, so that it can say what is known already. */
  readonly path: () => string;
  /** By the name of the event. */
  readonly on: Readonly<Record<string, (data: unknown) => void>>;
  readonly connection: (connection: Connection) => void;
}

/**
 * Listens to server-sent events until it is closed, and tries again for as long as it takes; not while nobody sees the page, for a browser
 * has six connections to an address. Returns what closes it.
 */
export function listen({ path, on, connection }: LiveOptions): () => void {
  let source: EventSource | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isClosed = false;
  const open = () => {
    clearTimeout(timer);
    if (document.hidden) return;
    const fresh = new EventSource(`${BASE}/api/${path()}`);
    source = fresh;
    fresh.addEventListener("open", () => connection("live"));
    for (const [name, handle] of Object.entries(on)) {
      fresh.addEventListener(name, (event) => handle(JSON.parse((event as MessageEvent<string>).data)));
    }
    fresh.addEventListener("error", () => {
      fresh.close();
      if (isClosed) return;
      void whatIsThere().then((found) => !isClosed && connection(found));
      timer = setTimeout(open, AGAIN_MS);
    });
  };
  const turn = () => {
    source?.close();
    open();
  };
  document.addEventListener("visibilitychange", turn);
  open();
  return () => {
    isClosed = true;
    document.removeEventListener("visibilitychange", turn);
    clearTimeout(timer);
    source?.close();
  };
}

// --- internal ---

async function whatIsThere(): Promise<Connection> {
  try {
    await ask("place");
    return "connecting";
  } catch (error) {
    return error instanceof Refused && (error.status === 404 || error.status === 403) ? "refused" : "gone";
  }
}
