import type { Interpose } from "./interposed.ts";
import { type Message, type Reader, type StatementProxy, startStatementProxy } from "./statement-proxy.ts";

/** A proxy in front of a MariaDB. */
export function startMariadbProxy(
  target: { host: string; port: number },
  interpose?: Interpose,
): Promise<StatementProxy> {
  return startStatementProxy(target, packetReader, interpose);
}

/** A command begins a new sequence of packets, with number 0; COM_QUERY is 3. */
function statementOf(packet: Buffer): string | undefined {
  return packet[3] === 0 && packet[4] === 3 ? packet.toString("utf8", 5) : undefined;
}

/** Puts packets together again: three bytes of length, one of sequence. */
function packetReader(): Reader {
  let rest = Buffer.alloc(0);
  const read = (chunk: Buffer): readonly Message[] => {
    rest = Buffer.concat([rest, chunk]);
    const whole: Message[] = [];
    while (rest.length >= 4 && rest.length >= 4 + rest.readUIntLE(0, 3)) {
      const end = 4 + rest.readUIntLE(0, 3);
      const bytes = rest.subarray(0, end);
      whole.push({ text: statementOf(bytes), bytes });
      rest = rest.subarray(end);
    }
    return whole;
  };
  return { read };
}
