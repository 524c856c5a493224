import { inspect } from "node:util";
import { expect } from "vitest";
import { parseCredential } from "../../core/credentials.ts";
import { RETRYABLE, RotationError, TERMINAL } from "../../core/errors.ts";
import { passwordGenerator, passwordRules } from "../../core/password.ts";
import type { RotationContext, RotationStrategy } from "../../core/strategies/strategy.ts";

export type Value = Readonly<Record<string, unknown>> & { readonly username: string; readonly password: string };

/** What is at a target: users, rights, databases. Each row says whom it is about. */
export type Catalog = ReadonlyMap<string, { readonly about: readonly string[]; readonly is: string }>;

/** A strategy before a real target. */
export interface Arena {
  readonly strategy: RotationStrategy;
  /** Makes a user at the target. @returns the value of its secret @throws whatever the target says to a name that it cannot hold */
  user(login: { readonly username: string; readonly password: string }): Promise<Value>;
  drop(username: string): Promise<void>;
  catalog(): Promise<Catalog>;
  readonly policy: RotationContext["policy"];
  /** The administrator's secret. */
  administrator(): Promise<Readonly<Record<string, unknown>>>;
  /** Connections that the target has seen. */
  connections(): number;
}

export interface Arenas extends AsyncDisposable {
  of(strategy: RotationStrategy, by: "administrator" | "user"): Arena;
}

/** How a rotation has ended: refused before anything was sent, refused later, or done. */
export type End = "refused at once" | "refused" | "works";

export interface Run {
  readonly value: Value;
  /** What was tampered with: a value that is not even parsed is refused by this name. */
  readonly field?: string;
  readonly readSecret?: RotationContext["readSecret"];
  readonly policy?: RotationContext["policy"];
  readonly generate?: () => string;
}

/**
 * A rotation of each of these secrets, and its rollback where a name is refused that is put into statements. Whatever comes of it, nothing at the target has changed but what is about the users of those that work; every error is one of ours and has no
 * password in it; what is refused at once is refused by the field's name, before anything is sent.
 */
export async function rotateEach(arena: Arena, runs: readonly Run[]): Promise<readonly End[]> {
  const before = await arena.catalog();
  const connections = arena.connections();
  const parsed = runs.map((run) => parsedBy(arena, run));
  expect(arena.connections()).toBe(connections);
  const own = new Set<string>();
  const ends = await inTurns(parsed, async (versions, index): Promise<End> => {
    if (versions === undefined) return "refused at once";
    if (!(await rotate(arena, versions, runs[index] as Run))) return "refused";
    own.add(versions.base.username).add(versions.candidate.username);
    return "works";
  });
  const changed = differences(before, await arena.catalog());
  expect(changed.filter(({ about }) => !about.some((name) => own.has(name)))).toEqual([]);
  return ends;
}

interface Versions {
  readonly base: Value;
  readonly candidate: Value;
}

const generator = passwordGenerator(passwordRules.parse({}));

function parsedBy({ strategy }: Arena, { value, field, generate = generator }: Run): Versions | undefined {
  try {
    const base = parseCredential(strategy, JSON.stringify(value), "The secret") as Value;
    return { base, candidate: strategy.createSecret(base, generate) as Value };
  } catch (error) {
    const { message, name } = ours(error, value);
    expect(name).toBe("ConfigurationInvalid");
    expect(message).toMatch(new RegExp(`\\b${field}\\b`));
    return undefined;
  }
}

/** Whether it works. */
async function rotate(arena: Arena, versions: Versions, run: Run): Promise<boolean> {
  const { strategy } = arena;
  const { policy = arena.policy, readSecret = arena.administrator } = run;
  const context: RotationContext = { ...CONTEXT, policy, readSecret };
  const works = await strategy.setSecret(versions, context).then(
    () => true,
    (error) => ours(error, versions.base, versions.candidate) && false,
  );
  if (works) {
    await strategy.testSecret(versions.candidate, context);
    expect(await strategy.signIn(versions.candidate, context)).toBe("accepted");
    return true;
  }
  if (run.field === "username") {
    await strategy.rollbackSecret(versions, context).catch((error) => ours(error, versions.base, versions.candidate));
  }
  return false;
}

/** A few at a time: most of it is waiting. */
async function inTurns<T, R>(all: readonly T[], work: (one: T, index: number) => Promise<R>): Promise<readonly R[]> {
  const done: R[] = [];
  const queue = [...all.entries()];
  const worker = async () => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift())
      done[next[0]] = await work(next[1], next[0]);
  };
  await Promise.all(Array.from({ length: 6 }, worker));
  return done;
}

const CONTEXT = {
  secretArn: "arn:aws:secretsmanager:eu-central-1:111122223333:secret:orders/db-AbCdEf",
  versionId: "5f0e8a3c-92d7-4f0a-9f4e-0f2f6c1d7b10",
  timeoutMs: 5000,
  signal: new AbortController().signal,
};

/** A typed error without a password in any property. */
function ours(error: unknown, ...values: readonly Value[]): RotationError {
  if (!(error instanceof RotationError)) throw error;
  if (error.name === "InternalError") throw error;
  expect([...RETRYABLE, ...TERMINAL].filter((name) => name !== "InternalError")).toContain(error.name);
  const text = inspect(error, { depth: Number.POSITIVE_INFINITY, showHidden: true, maxStringLength: null });
  for (const { password } of values) {
    if (typeof password === "string" && password.length > 8) expect(text).not.toContain(password);
  }
  return error;
}

function differences(before: Catalog, after: Catalog) {
  return [...new Set([...before.keys(), ...after.keys()])]
    .filter((key) => before.get(key)?.is !== after.get(key)?.is)
    .map((key) => ({ key, about: (after.get(key) ?? before.get(key))?.about ?? [] }));
}
