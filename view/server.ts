import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { getRequestListener } from "@hono/node-server";
import { HEADERS } from "./headers.ts";
import type { PageFiles } from "./page-files.ts";
import { routes } from "./routes.ts";
import type { ViewSource } from "./source.ts";

export interface ViewOptions {
  readonly source: ViewSource;
  readonly page: PageFiles;
  /** Default: any free one. */
  readonly port?: number | undefined;
  /** What an address has to begin with; at least 32 characters that an address may have. Default: 32 random bytes. */
  readonly token?: string | undefined;
  /** Aborted: it ends. */
  readonly signal: AbortSignal;
}

export interface View {
  /** "http://127.0.0.1:<port>/<token>/" */
  readonly url: string;
  readonly port: number;
  /** Once the signal was aborted: what is live was ended, and what changes something was answered. */
  readonly ended: Promise<void>;
}

/**
 * Serves the page and what it asks for to this machine alone, and there to whoever knows the token.
 * @throws Error "PortInUse"
 */
export async function serveView(options: ViewOptions): Promise<View> {
  const { source, page, signal, token = randomBytes(32).toString("base64url") } = options;
  let port = 0;
  const changes = new Set<Promise<unknown>>();
  const app = routes({ source, page, signal, token, port: () => port, changes });
  const answer = getRequestListener(app.fetch, { overrideGlobalObjects: false });
  const server = createServer((request, response) => {
    for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value);
    void answer(request, response);
  });
  await listen(server, options.port ?? 0);
  ({ port } = server.address() as AddressInfo);
  return { url: `http://127.0.0.1:${port}/${token}/`, port, ended: end() };

  async function end(): Promise<void> {
    if (!signal.aborted) await once(signal, "abort");
    const closed = new Promise((resolve) => server.close(resolve));
    await Promise.all(changes);
    server.closeAllConnections();
    await closed;
  }
}

// --- internal ---

async function listen(server: Server, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EADDRINUSE") return reject(error);
      const inUse = new Error(
        `Port ${port} of 127.0.0.1 is in use by another process: stop it, or choose another port.`,
      );
      inUse.name = "PortInUse";
      reject(inUse);
    });
    server.listen(port, "127.0.0.1", resolve);
  });
}
