import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import * as z from "zod/mini";
import { strategyBlueprint } from "../../core/engines.ts";
import { RETRYABLE, RotationError } from "../../core/errors.ts";
import { passwordGenerator, passwordRules } from "../../core/password.ts";
import { STATEMENTS } from "../../core/statements.ts";
import type { RotationContext, RotationStrategy, SignIn, Versions } from "../../core/strategies/strategy.ts";

/** What every strategy's credential has, by AWS's names. */
interface Login {
  readonly username: string;
  readonly password: string;
}

/** The real thing that a strategy is examined against. */
export interface StrategyTarget<C extends Login> {
  /** Makes a user who signs in, and a way to the target that can be disturbed for this user alone. */
  user(login?: Partial<Login>): Promise<TargetUser<C>>;
  /** User names that the target can hold and that are hard to quote. */
  readonly hardUsernames: readonly string[];
  readonly hardPasswords: readonly string[];
  /** How far a session's beginning may seem later than it was, in milliseconds. Absent: not at all. */
  readonly sessionPrecisionMs?: number;
}

export interface TargetUser<C> extends AsyncDisposable {
  /** The value of AWSCURRENT. */
  readonly current: C;
  /** Values of a candidate that name another target or user than `candidate` may, by what is wrong with them. */
  tampered(candidate: C): Readonly<Record<string, C>>;
  readonly readSecret: RotationContext["readSecret"];
  /** Connections that the target, or what a tampered candidate names, has seen. */
  attempts(): number;
  /** What was said to the target, secrets included, since the user was made. */
  statements(): readonly string[];
  /** Loses the next statement that changes a credential; its effect never lands. */
  loseStatement(): void;
  /** Loses the reply to the next statement that changes a credential, once its effect has landed. */
  loseReply(): void;
  /** No connection is accepted. */
  refuse(): Promise<void>;
  /** Connections are accepted, and nothing is said. */
  hang(): void;
  /** All is well again. */
  pass(): void;
  /** Opens a session as a dependent would, and keeps it open. */
  open(credential: C, application: string): Promise<AsyncDisposable>;
}

interface Examination<C extends Login> {
  readonly strategy: RotationStrategy<C>;
  readonly target: StrategyTarget<C>;
}

/** In the languages of all targets: what is no reading, and no setting of the session's own. */
function changes(statements: readonly string[]): readonly string[] {
  const word =
    /^\s*(ALTER|CREATE|DROP|COMMENT|GRANT|REVOKE|SET (PASSWORD|DEFAULT)|ACL (SETUSER|SAVE|DELUSER|LOAD)|CONFIG SET)\b/i;
  return statements.filter((each) => word.test(each));
}

/** "«...»" stands for anything. */
function isOfShape(statement: string, shape: string): boolean {
  const literal = (part: string) =>
    part
      .trim()
      .replace(/[.*+?^${}()|[\]\\]/g, "\\$&")
      .replace(/\s+/g, "\\s+");
  const parts = shape.split(/«[^»]*»/).map(literal);
  return new RegExp(`^\\s*${parts.join("[\\s\\S]*")}\\s*$`, "i").test(statement);
}

/** The exam of every strategy: what is promised in core/strategies/strategy.ts, against a real target. */
export function testStrategy<C extends Login>({ strategy, target }: Examination<C>): void {
  const generate = passwordGenerator(passwordRules.parse({}));

  /** Base and candidate of a first rotation, nothing set yet. */
  async function firstRotation(login?: Partial<Login>) {
    const user = await target.user(login);
    const versions: Versions<C> = { base: user.current, candidate: strategy.createSecret(user.current, generate) };
    return { user, versions, context: contextOf(user) };
  }

  async function truthTable(credentials: readonly C[], context: RotationContext): Promise<SignIn[]> {
    const table: SignIn[] = [];
    for (const credential of credentials) {
      table.push(await strategy.signIn(credential, context));
    }
    return table;
  }

  testDerivation({ strategy, user: () => target.user() });

  describe(`${strategy.name} sets and tests`, () => {
    test("the candidate signs in afterwards, and the base exactly if the scheme has overlap", async () => {
      const { user, versions, context } = await firstRotation();
      await using _ = user;

      await strategy.setSecret(versions, context);
      await strategy.testSecret(versions.candidate, context);

      const base = strategy.scheme === "single-user" ? "rejected" : "accepted";
      expect(await truthTable([versions.candidate, versions.base], context)).toEqual(["accepted", base]);
    });

    // Of those that may be deployed. Another one, of a test, tells nobody.
    const declared = Object.entries(STATEMENTS).find(([name]) => name === strategy.name)?.[1];
    if (declared !== undefined) {
      test("changes the target by the statements that are told of it, and by no other", async () => {
        const { user, versions, context } = await firstRotation();
        await using _ = user;

        await strategy.setSecret(versions, context);
        const set = [...user.statements()];
        await strategy.rollbackSecret(versions, context);
        const undone = user.statements().slice(set.length);

        for (const [said, shapes] of [
          [changes(set), declared.setSecret],
          [changes(undone), declared.rollbackSecret],
        ] as const) {
          expect(said.length).toBeGreaterThan(0);
          expect(said.filter((each) => !shapes.some((shape) => isOfShape(each, shape)))).toEqual([]);
        }
      });
    }

    test("twice is once", async () => {
      const { user, versions, context } = await firstRotation();
      await using _ = user;

      await strategy.setSecret(versions, context);
      await strategy.setSecret(versions, context);

      await strategy.testSecret(versions.candidate, context);
    });

    test("twice at the same time is once, and whoever loses may be retried", async () => {
      const { user, versions, context } = await firstRotation();
      await using _ = user;

      const ends = await Promise.allSettled([1, 2, 3].map(() => strategy.setSecret(versions, context)));

      const names = ends.filter((end) => end.status === "rejected").map((end) => end.reason.name);
      expect(names.filter((name) => !(RETRYABLE as readonly string[]).includes(name))).toEqual([]);
      await strategy.setSecret(versions, context);
      await strategy.testSecret(versions.candidate, context);
    });

    test("a statement that was lost on its way may be set again", async () => {
      const { user, versions, context } = await firstRotation();
      await using _ = user;
      user.loseStatement();

      const lost = await failure(strategy.setSecret(versions, context), versions);
      await strategy.setSecret(versions, context);

      expect(lost.name).toBe("TargetUnavailable");
      await strategy.testSecret(versions.candidate, context);
    });

    test("a reply that was lost after the effect may be set again", async () => {
      const { user, versions, context } = await firstRotation();
      await using _ = user;
      user.loseReply();

      const lost = await failure(strategy.setSecret(versions, context), versions);
      await strategy.setSecret(versions, context);

      expect(lost.name).toBe("TargetUnavailable");
      await strategy.testSecret(versions.candidate, context);
    });

    test("several rotations in a row, each base being the candidate before it", async () => {
      const { user, versions, context } = await firstRotation();
      await using _ = user;
      let [previous, base] = [undefined as C | undefined, versions.base];

      for (let rotation = 0; rotation < 4; rotation += 1) {
        const candidate = strategy.createSecret(base, generate);
        await strategy.setSecret({ candidate, base, ...(previous && { previous }) }, context);
        await strategy.testSecret(candidate, context);
        [previous, base] = [base, candidate];
      }
    });

    test("a candidate that was never set is CredentialRejected", async () => {
      const { user, versions, context } = await firstRotation();
      await using _ = user;

      const error = await failure(strategy.testSecret(versions.candidate, context), versions);

      expect(error.name).toBe("CredentialRejected");
    });

    test("when no known version signs in it is CredentialDrift, and nothing changes", async () => {
      const { user, versions, context } = await firstRotation();
      await using _ = user;
      const unknown = { ...versions, base: { ...versions.base, password: "not-what-the-target-has" } };

      const error = await failure(strategy.setSecret(unknown, context), versions);

      expect(error.name).toBe("CredentialDrift");
      expect(await truthTable([versions.base, versions.candidate], context)).toEqual(["accepted", "rejected"]);
    });

    test("refuses a candidate for another target or user before it connects to anything", async () => {
      const { user, versions, context } = await firstRotation();
      await using _ = user;
      const cases = Object.entries(user.tampered(versions.candidate));
      expect(cases.length).toBeGreaterThan(1);

      for (const [what, candidate] of cases) {
        const before = user.attempts();
        const error = await failure(strategy.setSecret({ ...versions, candidate }, context), versions);

        expect([what, error.name, user.attempts() - before]).toEqual([what, "ConfigurationInvalid", 0]);
      }
    });
  });

  describe(`${strategy.name} rolls back`, () => {
    test("after set: the base signs in, the candidate does not", async () => {
      const { user, versions, context } = await firstRotation();
      await using _ = user;
      await strategy.setSecret(versions, context);

      await strategy.rollbackSecret(versions, context);

      expect(await truthTable([versions.base, versions.candidate], context)).toEqual(["accepted", "rejected"]);
    });

    test("twice is once", async () => {
      const { user, versions, context } = await firstRotation();
      await using _ = user;
      await strategy.setSecret(versions, context);

      await strategy.rollbackSecret(versions, context);
      await strategy.rollbackSecret(versions, context);

      expect(await truthTable([versions.base, versions.candidate], context)).toEqual(["accepted", "rejected"]);
    });

    test("twice at the same time is once, and whoever loses may be retried", async () => {
      const { user, versions, context } = await firstRotation();
      await using _ = user;
      await strategy.setSecret(versions, context);

      const ends = await Promise.allSettled([1, 2, 3].map(() => strategy.rollbackSecret(versions, context)));

      const names = ends.filter((end) => end.status === "rejected").map((end) => end.reason.name);
      expect(names.filter((name) => !(RETRYABLE as readonly string[]).includes(name))).toEqual([]);
      await strategy.rollbackSecret(versions, context);
      expect(await truthTable([versions.base, versions.candidate], context)).toEqual(["accepted", "rejected"]);
    });

    test("when set never ran, nothing changes", async () => {
      const { user, versions, context } = await firstRotation();
      await using _ = user;

      await strategy.rollbackSecret(versions, context);

      expect(await truthTable([versions.base, versions.candidate], context)).toEqual(["accepted", "rejected"]);
    });

    test.each(["loseStatement", "loseReply"] as const)("after half a set (%s)", async (fault) => {
      const { user, versions, context } = await firstRotation();
      await using _ = user;
      user[fault]();
      await failure(strategy.setSecret(versions, context), versions);

      await strategy.rollbackSecret(versions, context);

      expect(await truthTable([versions.base, versions.candidate], context)).toEqual(["accepted", "rejected"]);
    });

    test.each(["loseStatement", "loseReply"] as const)("half (%s), and then again", async (fault) => {
      const { user, versions, context } = await firstRotation();
      await using _ = user;
      await strategy.setSecret(versions, context);
      user[fault]();
      const lost = await failure(strategy.rollbackSecret(versions, context), versions);

      await strategy.rollbackSecret(versions, context);

      expect(lost.name).toBe("TargetUnavailable");
      expect(await truthTable([versions.base, versions.candidate], context)).toEqual(["accepted", "rejected"]);
    });

    test("in a later rotation: all versions of before are as they were", async () => {
      const { user, versions, context } = await firstRotation();
      await using _ = user;
      await strategy.setSecret(versions, context);
      const [previous, base] = [versions.base, versions.candidate];
      const candidate = strategy.createSecret(base, generate);
      const before = await truthTable([previous, base, candidate], context);

      await strategy.setSecret({ candidate, base, previous }, context);
      await strategy.rollbackSecret({ candidate, base, previous }, context);

      expect(await truthTable([previous, base, candidate], context)).toEqual(before);
    });

    test("in a later rotation that was set several times at once: all versions of before are as they were", async () => {
      const { user, versions, context } = await firstRotation();
      await using _ = user;
      await strategy.setSecret(versions, context);
      const [previous, base] = [versions.base, versions.candidate];
      const candidate = strategy.createSecret(base, generate);
      const before = await truthTable([previous, base, candidate], context);

      await Promise.allSettled([1, 2, 3].map(() => strategy.setSecret({ candidate, base, previous }, context)));
      await strategy.setSecret({ candidate, base, previous }, context);
      await strategy.rollbackSecret({ candidate, base, previous }, context);

      expect(await truthTable([previous, base, candidate], context)).toEqual(before);
    });

    test("a rotation may follow", async () => {
      const { user, versions, context } = await firstRotation();
      await using _ = user;
      await strategy.setSecret(versions, context);
      await strategy.rollbackSecret(versions, context);

      const candidate = strategy.createSecret(versions.base, generate);
      await strategy.setSecret({ base: versions.base, candidate }, context);

      await strategy.testSecret(candidate, context);
    });

    test("a candidate for another target or user is not connected to", async () => {
      const { user, versions, context } = await firstRotation();
      await using _ = user;
      const before = await truthTable([versions.base, versions.candidate], context);

      for (const candidate of Object.values(user.tampered(versions.candidate))) {
        await strategy.rollbackSecret({ ...versions, candidate }, context);
      }

      expect(await truthTable([versions.base, versions.candidate], context)).toEqual(before);
    });

    test("a candidate that names somebody else's user and password does them no harm, in either direction", async () => {
      const { user, versions, context } = await firstRotation();
      await using _ = user;
      await using victim = await target.user();
      const { username, password } = victim.current;
      const candidate = { ...versions.candidate, username, password };

      const error = await failure(strategy.setSecret({ ...versions, candidate }, context), versions);
      await strategy.rollbackSecret({ ...versions, candidate }, context);

      expect(error.name).toBe("ConfigurationInvalid");
      expect(await strategy.signIn(victim.current, contextOf(victim))).toBe("accepted");
    });

    test("when no known version signs in it is CredentialDrift", async () => {
      const { user, versions, context } = await firstRotation();
      await using _ = user;
      const unknown = { ...versions, base: { ...versions.base, password: "not-what-the-target-has" } };

      const error = await failure(strategy.rollbackSecret(unknown, context), versions);

      expect(error.name).toBe("CredentialDrift");
    });
  });

  describe(`${strategy.name} and a target that does not answer`, () => {
    test("refused connections are TargetUnavailable, and unreachable in the truth table", async () => {
      const { user, versions, context } = await firstRotation();
      await using _ = user;
      await user.refuse();

      const names = [
        await failure(strategy.setSecret(versions, context), versions),
        await failure(strategy.testSecret(versions.base, context), versions),
        await failure(strategy.rollbackSecret(versions, context), versions),
      ].map((error) => error.name);

      expect(names).toEqual(["TargetUnavailable", "TargetUnavailable", "TargetUnavailable"]);
      expect(await strategy.signIn(versions.base, context)).toBe("unreachable");
    });

    test("silence ends after the time that is allowed", async () => {
      const { user, versions } = await firstRotation();
      await using _ = user;
      const context = { ...contextOf(user), timeoutMs: 200 };
      user.hang();
      const begunAt = performance.now();

      const error = await failure(strategy.testSecret(versions.base, context), versions);

      expect(error.name).toBe("TargetUnavailable");
      expect(performance.now() - begunAt).toBeLessThan(5000);
      expect(await strategy.signIn(versions.base, context)).toBe("unreachable");
    });

    test("an aborted signal ends the wait at once", async () => {
      const { user, versions } = await firstRotation();
      await using _ = user;
      const abort = new AbortController();
      const context = { ...contextOf(user), timeoutMs: 60_000, signal: abort.signal };
      user.hang();
      const before = user.attempts();

      const waiting = failure(strategy.setSecret(versions, context), versions);
      await expect.poll(() => user.attempts()).toBeGreaterThan(before);
      abort.abort();

      expect((await waiting).name).toBe("TargetUnavailable");
    });

    test("once it answers again, the rotation goes on", async () => {
      const { user, versions, context } = await firstRotation();
      await using _ = user;
      await user.refuse();
      await failure(strategy.setSecret(versions, context), versions);
      user.pass();

      await strategy.setSecret(versions, context);

      await strategy.testSecret(versions.candidate, context);
    });
  });

  describe(`${strategy.name} takes any name and password`, () => {
    async function cycle(login: Partial<Login>): Promise<void> {
      await using witness = await target.user();
      const { user, versions, context } = await firstRotation(login);
      await using _ = user;

      await strategy.setSecret(versions, context);
      await strategy.testSecret(versions.candidate, context);
      await strategy.rollbackSecret(versions, context);

      expect(await truthTable([versions.base, versions.candidate], context)).toEqual(["accepted", "rejected"]);
      expect(await strategy.signIn(witness.current, contextOf(witness))).toBe("accepted");
    }

    test.each(target.hardUsernames)("user name %j", (username) => cycle({ username }));

    test.each(target.hardPasswords)("password %j", (password) => cycle({ password }));

    test("the longest password that a policy may ask for, of all characters, is set and signs in", async () => {
      const { password: limit } = strategyBlueprint(strategy.name) ?? {};
      const rules = passwordRules.parse({ length: limit?.maxLength ?? 4096, excludePunctuation: false });
      await using user = await target.user();
      const candidate = strategy.createSecret(user.current, passwordGenerator(rules));

      await strategy.setSecret({ base: user.current, candidate }, contextOf(user));
      await strategy.testSecret(candidate, contextOf(user));

      expect(candidate.password).toHaveLength(rules.length);
      expect(await strategy.signIn(candidate, contextOf(user))).toBe("accepted");
    });
  });

  const seeSessions = strategy.sessions?.bind(strategy);
  if (seeSessions) {
    describe(`${strategy.name} sees sessions`, () => {
      test("by application name and with their beginning, but not its own", async () => {
        const { user, versions, context } = await firstRotation();
        await using _ = user;
        const before = Date.now();
        await using _session = await user.open(versions.base, "orders-api");
        const after = Date.now();

        const seen = await seeSessions(versions.base, context);

        expect(seen.map((session) => session.application)).toEqual(["orders-api"]);
        const begunAt = Number(seen[0]?.begunAt);
        // One millisecond for rounding; before it by no more than the question took to travel.
        expect(begunAt).toBeGreaterThanOrEqual(before - 1000);
        expect(begunAt).toBeLessThanOrEqual(after + 1 + (target.sessionPrecisionMs ?? 0));
      });

      test("of its own user only", async () => {
        const { user, versions, context } = await firstRotation();
        await using _ = user;
        await using other = await target.user();
        await using _session = await other.open(other.current, "somebody-else");

        expect(await seeSessions(versions.base, context)).toEqual([]);
      });
    });
  }
}

/** The part of the exam that needs no target: what createSecret promises. */
export function testDerivation<C extends { readonly password: string; readonly username?: unknown }>({
  strategy,
  user: newUser,
}: {
  readonly strategy: RotationStrategy<C>;
  readonly user: () => Promise<AsyncDisposable & { readonly current: C }>;
}): void {
  const generate = passwordGenerator(passwordRules.parse({}));

  async function firstRotation() {
    const user = await newUser();
    return { user, versions: { base: user.current, candidate: strategy.createSecret(user.current, generate) } };
  }

  describe(`${strategy.name} derives the candidate`, () => {
    test("with another password each time", async () => {
      const { user, versions } = await firstRotation();
      await using _ = user;

      const again = strategy.createSecret(user.current, generate);

      expect(new Set([versions.base.password, versions.candidate.password, again.password]).size).toBe(3);
    });

    test("for the same user without overlap, for another with", async () => {
      const { user, versions } = await firstRotation();
      await using _ = user;

      expect(versions.candidate.username === versions.base.username).toBe(strategy.scheme !== "alternating-users");
    });

    test("keeps every other key, also those it does not know, and its own result is a valid value", async () => {
      const { user } = await firstRotation();
      await using _ = user;
      const value = { ...user.current, dbInstanceIdentifier: "orders", "a key of ours": { deep: [1, null] } };

      const candidate = strategy.createSecret(z.parse(strategy.credential, value), generate);

      const { username: _user, password: _password, ...rest } = value;
      expect(candidate).toMatchObject(rest);
      expect(Object.keys(candidate).sort()).toEqual(Object.keys(value).sort());
      expect(z.parse(strategy.credential, candidate)).toEqual(candidate);
    });

    test("leaves the current value as it is", async () => {
      const { user } = await firstRotation();
      await using _ = user;
      const before = structuredClone(user.current);

      strategy.createSecret(user.current, generate);

      expect(user.current).toEqual(before);
    });
  });
}

/** The policy names the administrator that the secret names. */
function contextOf(user: Pick<TargetUser<unknown>, "readSecret" | "current">): RotationContext {
  const { masterarn: administratorSecretId } = user.current as { readonly masterarn?: string };
  return {
    secretArn: "arn:aws:secretsmanager:eu-central-1:111122223333:secret:orders/db-AbCdEf",
    versionId: "5f0e8a3c-92d7-4f0a-9f4e-0f2f6c1d7b10",
    readSecret: user.readSecret,
    timeoutMs: 5000,
    policy: { openSessions: "report", administratorSecretId },
    signal: new AbortController().signal,
  };
}

/** The error of `work`, which must be ours and must hold no password in any property. */
async function failure(work: Promise<unknown>, versions: Versions<Login>): Promise<RotationError> {
  const error = await work.then(
    () => {
      throw new Error("was expected to fail, and did not");
    },
    (reason: unknown) => reason,
  );
  if (!(error instanceof RotationError)) {
    throw error;
  }
  const text = inspect(error, { depth: Number.POSITIVE_INFINITY, showHidden: true, maxStringLength: null });
  for (const { password } of [versions.base, versions.candidate]) {
    expect(text).not.toContain(password);
  }
  return error;
}
