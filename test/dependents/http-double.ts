import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface HttpDouble extends AsyncDisposable {
  /** "http://127.0.0.1:<port>" */
  readonly url: string;
  /** "POST /refresh", in the order they came; without the query. */
  readonly requests: readonly string[];
}

/** Answers one request; `text` is its body. */
export type Answer = (request: IncomingMessage, response: ServerResponse, text: string) => void;

/** An HTTP server on the loopback address that answers as it is told. */
export async function startDouble(answer: Answer): Promise<HttpDouble> {
  const requests: string[] = [];
  const server = createServer(async (request, response) => {
    requests.push(`${request.method} ${request.url?.replace(/\?.*/, "")}`);
    let text = "";
    for await (const chunk of request.setEncoding("utf8")) text += chunk;
    answer(request, response, text);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    [Symbol.asyncDispose]: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}
