import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import * as z from "zod/mini";
import { RotationError } from "../../core/errors.ts";
import { passwordGenerator, passwordRules } from "../../core/password.ts";
import {
  hasOverlap,
  type RotationContext,
  type RotationStrategy,
  type Versions,
} from "../../core/strategies/strategy.ts";

interface Examination<C> {
  readonly strategy: RotationStrategy<C>;
  /** Which of several values of the strategy this is. */
  readonly name: string;
  /** The value of AWSCURRENT. */
  readonly current: C;
  /** What of a value is secret. */
  readonly secretOf: (credential: C) => string;
  /** Candidates that are not what the strategy makes of the base, by what is wrong with them. */
  readonly tampered: (versions: Versions<C>) => Readonly<Record<string, C>>;
  /** A value of the right shape that cannot be used; absent: every value of the shape can. */
  readonly unusable?: (credential: C) => C;
}

const context: RotationContext = {
  secretArn: "arn:aws:secretsmanager:eu-central-1:111122223333:secret:orders/key-AbCdEf",
  versionId: "5f0e8a3c-92d7-4f0a-9f4e-0f2f6c1d7b10",
  readSecret: () => Promise.reject(new Error("no other secret is needed")),
  timeoutMs: 5000,
  policy: { openSessions: "report" },
  signal: new AbortController().signal,
};

/**
 * The exam of a strategy of the scheme "replace", which changes no target: what core/strategies/strategy.ts promises, but for the
 * sign-ins. Without a target nobody refuses a version: only its label says whether it counts.
 */
export function testStrategyWithoutTarget<C>({ strategy, name, current, ...its }: Examination<C>): void {
  const generate = passwordGenerator(passwordRules.parse({}));
  const derive = (base: C) => strategy.createSecret(base, generate);
  // A large key takes its time: what only needs a candidate takes this one.
  let made: C | undefined;
  const versions = (): Versions<C> => {
    made ??= derive(current);
    return { base: current, candidate: made };
  };

  describe(`${strategy.name}, ${name}`, () => {
    test("derives another value each time, which is one of its own shape", () => {
      const [one, other] = [derive(current), derive(current)];

      expect(new Set([current, one, other].map(its.secretOf)).size).toBe(3);
      expect(z.parse(strategy.credential, one)).toEqual(one);
    });

    // A bare text has no keys.
    if (!strategy.text) {
      test("keeps every key that it does not know, and leaves the current value as it is", () => {
        const value = { ...current, "a key of ours": { deep: [1, null] } };
        const before = structuredClone(value);

        const candidate = derive(z.parse(strategy.credential, value));

        expect(candidate).toMatchObject({ "a key of ours": { deep: [1, null] } });
        expect(value).toEqual(before);
      });
    }

    test("sets and tests, as often as one likes, and base and candidate can both be used", async () => {
      await Promise.all([1, 2, 3].map(() => strategy.setSecret(versions(), context)));
      await strategy.testSecret(versions().candidate, context);

      expect(await signIns(versions())).toEqual(["accepted", "accepted"]);
      expect(hasOverlap(strategy)).toBe(true);
    });

    test("several rotations in a row, each base being the candidate before it", async () => {
      let base = current;
      for (let rotation = 0; rotation < 2; rotation += 1) {
        const candidate = derive(base);
        await strategy.setSecret({ base, candidate }, context);
        await strategy.testSecret(candidate, context);
        base = candidate;
      }
    });

    test("rolls back, as often as one likes, also when set never ran: the base can be used, and a rotation may follow", async () => {
      await strategy.rollbackSecret(versions(), context);
      await strategy.setSecret(versions(), context);
      await Promise.all([1, 2, 3].map(() => strategy.rollbackSecret(versions(), context)));

      expect((await signIns(versions()))[0]).toBe("accepted");
      await strategy.setSecret({ base: current, candidate: derive(current) }, context);
    });

    test("refuses what it would not have made of the base, and can roll that back", async () => {
      const cases = Object.entries(its.tampered(versions()));
      expect(cases.length).toBeGreaterThan(1);

      for (const [what, candidate] of cases) {
        const tampered = { ...versions(), candidate };

        expect([what, await nameOf(strategy.setSecret(tampered, context), tampered)]).toEqual([
          what,
          "ConfigurationInvalid",
        ]);
        await strategy.rollbackSecret(tampered, context);
      }
    });

    const { unusable } = its;
    if (unusable) {
      test("a value that cannot be used is told from one that can", async () => {
        const broken = unusable(current);
        const tampered = { ...versions(), base: broken };

        expect(await strategy.signIn(broken, context)).toBe("rejected");
        expect(await nameOf(strategy.testSecret(broken, context), versions())).toBe("CredentialRejected");
        expect(await nameOf(strategy.rollbackSecret(tampered, context), versions())).toBe("CredentialDrift");
      });
    }
  });

  async function signIns({ base, candidate }: Versions<C>) {
    return [await strategy.signIn(base, context), await strategy.signIn(candidate, context)];
  }

  /** The name of `work`'s error, which must be ours and must hold no secret in any property. */
  async function nameOf(work: Promise<unknown>, { base, candidate }: Versions<C>): Promise<string> {
    const error = await work.then(
      () => {
        throw new Error("was expected to fail, and did not");
      },
      (reason: unknown) => reason,
    );
    if (!(error instanceof RotationError)) throw error;
    const text = inspect(error, { depth: Number.POSITIVE_INFINITY, showHidden: true, maxStringLength: null });
    for (const secret of [base, candidate].map(its.secretOf)) {
      expect(secret === "" || !text.includes(secret)).toBe(true);
    }
    return error.name;
  }
}
