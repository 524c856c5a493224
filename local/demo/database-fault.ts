import { z } from "zod";
import { listen } from "./service-http.ts";
import { readSecret } from "./service-secret.ts";
import { ORDERS, type World } from "./world.ts";

const faultRequest = z.strictObject({ password: z.string().min(1).max(100).nullable() });

/** The hand of a database's administrator, over HTTP. */
export interface DatabaseFault extends AsyncDisposable {
  /** "http://127.0.0.1:<port>" */
  readonly url: string;
}

/**
 * Answers `POST /fault` {password: text or null}: from now on the database has this password for the user of orders-db, which no
 * version of the secret knows; null: the one that AWSCURRENT says.
 */
export async function serveDatabaseFault({ database, secretsManager }: World): Promise<DatabaseFault> {
  const server = await listen(
    {
      "POST /fault": async (body) => {
        const parsed = faultRequest.safeParse(body);
        if (!parsed.success) return { status: 400 };
        const { credential } = await readSecret(secretsManager, ORDERS);
        await database.setPassword(credential.username, parsed.data.password ?? credential.password);
        return { status: 204 };
      },
    },
    0,
  );
  return { url: `http://127.0.0.1:${server.port}`, [Symbol.asyncDispose]: async () => server.close() };
}
