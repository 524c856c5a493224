import type { Interpose } from "./interposed.ts";
import { type Message, type Reader, type StatementProxy, startStatementProxy } from "./statement-proxy.ts";

/** A proxy in front of a Redis. A command is matched as one text, "ACL SETUSER orders #...". */
export function startRedisProxy(
  target: { host: string; port: number },
  interpose?: Interpose,
): Promise<StatementProxy> {
  return startStatementProxy(target, commandReader, interpose);
}

/** Puts commands together again: `*<count>`, and for each argument `$<bytes>` and the argument, each ended by CR LF. */
function commandReader(): Reader {
  let rest = Buffer.alloc(0);
  const read = (chunk: Buffer): readonly Message[] => {
    rest = Buffer.concat([rest, chunk]);
    const whole: Message[] = [];
    for (;;) {
      const command = readCommand(rest);
      if (command === undefined) return whole;
      whole.push({ text: command.words.join(" "), bytes: rest.subarray(0, command.end) });
      rest = rest.subarray(command.end);
    }
  };
  return { read };
}

function readCommand(bytes: Buffer): { words: string[]; end: number } | undefined {
  let at = 0;
  const readLength = (): number | undefined => {
    const end = bytes.indexOf("\r\n", at);
    if (end === -1) return undefined;
    const length = Number(bytes.toString("latin1", at + 1, end));
    at = end + 2;
    return length;
  };
  const count = readLength();
  if (count === undefined) return undefined;
  const words: string[] = [];
  while (words.length < count) {
    const length = readLength();
    if (length === undefined || bytes.length < at + length + 2) return undefined;
    words.push(bytes.toString("utf8", at, at + length));
    at += length + 2;
  }
  return { words, end: at };
}
