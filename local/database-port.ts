import { createServer } from "node:net";

/** The server's only address. */
export const HOST = "127.0.0.1";

/** Its message is one sentence to act on. */
export class PortInUse extends Error {
  constructor(port: number) {
    super(`Port ${port} of ${HOST} is in use: stop what listens there, or choose another port.`);
  }
}

/** A port that nothing listens on now; somebody else may take it at once. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, HOST, resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") {
    throw new Error(`There is no free port on ${HOST}.`);
  }
  return address.port;
}

export async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once("error", () => resolve(false));
    server.listen(port, HOST, () => server.close(() => resolve(true)));
  });
}
