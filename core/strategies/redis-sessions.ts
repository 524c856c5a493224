import type { RedisSession } from "./redis-connection.ts";
import type { Session } from "./strategy.ts";

/** Replication's own connections. */
const LINKS = /[MS]/;

/**
 * The open connections of a user, but for the one that asks (which is seen, without a name, where HELLO is denied). The
 * application is the name that the client has given itself (CLIENT SETNAME).
 *
 * The server tells ages in whole seconds, from two readings of a clock without fractions: a beginning is known to two seconds. The
 * latest instant that fits is taken, so that whoever signs in at once after promotion is not taken for older than that.
 */
export async function sessionsOf(session: RedisSession, username: string): Promise<readonly Session[]> {
  const reply = String(await session.call("CLIENT LIST"));
  const answeredAt = Date.now();
  return reply
    .split("\n")
    .map(fieldsOf)
    .filter((fields) => fields.get("user") === username && fields.get("id") !== String(session.server?.id))
    .filter((fields) => !LINKS.test(fields.get("flags") ?? ""))
    .map((fields) => ({
      application: fields.get("name") ?? "",
      address: addressIn(fields.get("addr") ?? ""),
      begunAt: new Date(answeredAt - Math.max(0, Number(fields.get("age")) - 1) * 1000),
    }));
}

/** `id=7 addr=10.0.0.5:49152 name=orders-api ...`: no value has a space. */
function fieldsOf(line: string): ReadonlyMap<string, string> {
  return new Map(
    line
      .trim()
      .split(" ")
      .map((field): [string, string] => {
        const [name = "", ...value] = field.split("=");
        return [name, value.join("=")];
      }),
  );
}

/** Without the port, and without the brackets around an IPv6 address; "" for a local socket. */
function addressIn(text: string): string {
  const [, v6, v4] = /^(?:\[(.+)\]|([^/]*)):\d+$/.exec(text) ?? [];
  return v6 ?? v4 ?? "";
}
