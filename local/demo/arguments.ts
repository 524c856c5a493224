import { parseArgs } from "node:util";

export interface DemoArguments {
  readonly keep: boolean;
  /** The account's port; undefined: any free one. */
  readonly port?: number;
  readonly help: boolean;
}

export const USAGE = `Usage: npm start [-- options]

Boots an AWS account and a PostgreSQL on this machine, rotates two real passwords
under three running services, breaks one service and shows the rollback.

  --keep         leave account, database and services running, and print how to use them
  --port <port>  port of the account, 1 to 65535 (default: any free one)
  --help         show this text
`;

export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** @throws UsageError with one sentence that names the argument */
export function parseArguments(argv: readonly string[]): DemoArguments {
  const options = {
    keep: { type: "boolean" },
    port: { type: "string" },
    help: { type: "boolean", short: "h" },
  } as const;
  const { tokens } = parseArgs({ args: [...argv], options, strict: false, tokens: true });
  for (const token of tokens) {
    if (token.kind === "positional") throw new UsageError(`"${token.value}" is not an option.`);
    if (token.kind !== "option") continue;
    if (!(token.name in options)) throw new UsageError(`There is no option ${token.rawName}.`);
    if (token.name !== "port" && token.value !== undefined) throw new UsageError(`${token.rawName} takes no value.`);
  }
  const last = tokens.findLast((token) => token.kind === "option" && token.name === "port");
  const has = (name: string) => tokens.some((token) => token.kind === "option" && token.name === name);
  const port = last?.kind === "option" ? { port: readPort(last.value) } : {};
  return { keep: has("keep"), help: has("help"), ...port };
}

function readPort(text: string | undefined): number {
  const port = Number(text);
  if (/^\d{1,5}$/.test(text ?? "") && port >= 1 && port <= 65_535) return port;
  throw new UsageError(`--port takes a number from 1 to 65535${text === undefined ? "" : `, not "${text}"`}.`);
}
