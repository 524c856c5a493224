import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";

const BODY_BYTES = 4096;

export interface Reply {
  readonly status: number;
  readonly body?: unknown;
}

/** Keyed by method and path: "GET /health". The argument is the request's JSON, undefined where it has none. */
export type Routes = Readonly<Record<string, (body: unknown) => Reply | Promise<Reply>>>;

export interface Listening {
  readonly port: number;
  /** Stops listening and breaks the connections that are open. */
  close(): void;
}

/** Answers on 127.0.0.1. A route that throws is answered with 500 and nothing else. */
export async function listen(routes: Routes, port: number): Promise<Listening> {
  const server = createServer(async (request, response) => {
    const { status, body } = await answer(routes, request).catch((): Reply => ({ status: 500 }));
    response.writeHead(status, { "content-type": "application/json" });
    response.end(body === undefined ? undefined : JSON.stringify(body));
  });
  await listening(server, port);
  return {
    port: (server.address() as AddressInfo).port,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

async function answer(routes: Routes, request: IncomingMessage): Promise<Reply> {
  const { pathname } = new URL(request.url ?? "/", "http://127.0.0.1");
  const name = `${request.method} ${pathname}`;
  const route = Object.hasOwn(routes, name) ? routes[name] : undefined;
  if (route === undefined) {
    return { status: 404 };
  }
  let text = "";
  for await (const chunk of request.setEncoding("utf8")) {
    text += chunk;
    if (text.length > BODY_BYTES) {
      return { status: 413 };
    }
  }
  let body: unknown;
  try {
    body = text === "" ? undefined : JSON.parse(text);
  } catch {
    return { status: 400 };
  }
  return route(body);
}

async function listening(server: Server, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
}
