import type { Interpose } from "./interposed.ts";
import { type Message, type Reader, type StatementProxy, startStatementProxy } from "./statement-proxy.ts";

export type DatabaseProxy = StatementProxy;

/** A proxy in front of a PostgreSQL. */
export function startDatabaseProxy(
  target: { host: string; port: number },
  interpose?: Interpose,
): Promise<DatabaseProxy> {
  return startStatementProxy(target, messageReader, interpose);
}

const [QUERY, PARSE, SYNC, READY] = ["Q", "P", "S", "Z"].map((type) => type.charCodeAt(0));
const TLS_REQUEST = 80_877_103;

/** A statement is a Query, or all of the extended protocol from Parse to Sync. Its effect has landed when the server is ready again. */
function messageReader(): Reader {
  const requests = messages("startup");
  const replies = messages("typed");
  let parsed: Buffer[] | undefined;
  let isFirst = true;
  return {
    read: (chunk) =>
      requests(chunk).flatMap(({ type, bytes }): readonly Message[] => {
        if (type === PARSE) parsed ??= [];
        if (parsed === undefined) return [{ text: type === QUERY ? textOf(bytes) : undefined, bytes }];
        parsed.push(bytes);
        if (type !== SYNC) return [];
        const [first = bytes, whole] = [parsed[0], Buffer.concat(parsed)];
        parsed = undefined;
        return [{ text: textOf(first), bytes: whole }];
      }),
    isReplied(chunk) {
      // The answer to the request for TLS is one byte, without a length.
      const isTlsAnswer = isFirst && chunk.length === 1;
      isFirst = false;
      return !isTlsAnswer && replies(chunk).some(({ type }) => type === READY);
    },
  };
}

/** Of Query; of Parse, with the name of the statement before it, which our own connections leave empty. */
function textOf(message: Buffer): string {
  return message.toString("utf8", 5).replace(/^\0/, "").split("\0")[0] ?? "";
}

/** Puts the protocol's messages together again. A client's first ones (request for TLS, startup) have a length, but no type. */
function messages(begin: "startup" | "typed") {
  let rest = Buffer.alloc(0);
  let typed = begin === "typed";
  return (chunk: Buffer): readonly { readonly type: number | undefined; readonly bytes: Buffer }[] => {
    rest = Buffer.concat([rest, chunk]);
    const whole: { type: number | undefined; bytes: Buffer }[] = [];
    for (;;) {
      const prefix = typed ? 1 : 0;
      if (rest.length < prefix + 4) return whole;
      const end = prefix + rest.readInt32BE(prefix);
      if (rest.length < end) return whole;
      const bytes = rest.subarray(0, end);
      whole.push({ type: typed ? bytes[0] : undefined, bytes });
      rest = rest.subarray(end);
      typed ||= bytes.length < 8 || bytes.readInt32BE(4) !== TLS_REQUEST;
    }
  };
}
