import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { type Account, type AccountOptions, startAccount } from "../../local/account.ts";

/** Accounts on journals, in a directory of their own. Disposing it closes them all and removes everything. */
export interface Journals extends AsyncDisposable {
  /** A journal's directory that is not there yet. */
  fresh(): string;
  start(journal: string, options?: AccountOptions): Promise<Account>;
  /** What kill -9 would leave now. Returns its directory. */
  killed(journal: string): Promise<string>;
  /** A function's file: `body` is that of its handler, which is given `event`. */
  handler(body: string): Promise<string>;
}

export async function journals(): Promise<Journals> {
  const root = await mkdtemp(join(tmpdir(), "journals-"));
  const accounts: Account[] = [];
  let count = 0;
  const fresh = () => join(root, `journal-${++count}`);
  return {
    fresh,
    async start(journal, options) {
      const account = await startAccount({ journal, ...options });
      accounts.push(account);
      return account;
    },
    async killed(journal) {
      const copy = fresh();
      await cp(journal, copy, { recursive: true, filter: (file) => basename(file) !== "lock" });
      return copy;
    },
    async handler(body) {
      const file = join(root, `function-${++count}.mjs`);
      await writeFile(file, `export const handler = async (event) => { ${body} };`);
      return file;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(accounts.map((account) => account.close()));
      await rm(root, { recursive: true });
    },
  };
}

/** Asks as the wire does. */
export async function ask(
  service: Account["states" | "sns" | "events" | "lambda" | "secretsManager"],
  operation: string,
  input: unknown,
  // biome-ignore lint/suspicious/noExplicitAny: each test knows what it has asked for
): Promise<any> {
  const run = service.operations[operation];
  if (run === undefined) throw new Error(`no operation ${operation}`);
  return await run(input);
}

export async function eventually<T>(look: () => T | undefined | Promise<T | undefined>): Promise<T> {
  for (const deadline = Date.now() + 20_000; ; await new Promise((resolve) => setTimeout(resolve, 5))) {
    const seen = await look();
    if (seen !== undefined) return seen;
    if (Date.now() > deadline) throw new Error("It did not come in 20 s.");
  }
}
