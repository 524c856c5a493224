import { inspect } from "node:util";
import { describe, expect, test, vi } from "vitest";
import * as z from "zod/mini";
import { confirmEvidence } from "../../core/confirm-evidence.ts";
import type { DependentKind, Evidence, SecretChange } from "../../core/dependents/dependent.ts";
import { RotationError } from "../../core/errors.ts";
import type { Session } from "../../core/strategies/strategy.ts";

/**
 * - honest: uses the base until it is asked to refresh, and says truly what its newest authentication used.
 * - failing: is refreshed without a murmur, and is not healthy.
 * - refusing: says no to every refresh.
 * - silent: accepts connections, and says nothing.
 * - liar: says that it uses whatever version it was refreshed for, and keeps its old connections.
 */
export type Character = "honest" | "failing" | "refusing" | "silent" | "liar";

/** A real target, a secret with two versions, and those who use it. */
export interface DependentWorld extends AsyncDisposable {
  readonly base: SecretChange;
  readonly candidate: SecretChange;
  /** Part of everything that dependents say and of the path and query at which they are asked. It may go nowhere. */
  readonly canary: string;
  /** Starts a dependent that has signed in with the base. One request to it may last so long, where the kind lets a target say so. */
  start(character: Character, timeoutSeconds: number): Promise<Subject>;
  /** Starts one dependent for each thing that may not be accepted and that only this kind knows, by its name. */
  hazards(): Promise<Readonly<Record<string, Subject>>>;
  /** Makes the target accept the candidate; AWSCURRENT stays. */
  set(): Promise<void>;
  /** Makes the candidate AWSCURRENT. Returns when. */
  promote(): Promise<Date>;
  /** Makes the base AWSCURRENT again, and the target accept it. Returns when. */
  restore(): Promise<Date>;
  /** The sessions at the target now. */
  sessions(): Promise<readonly Session[]>;
  /** Resolves when what a refresh has begun has come to its end. Absent: it has when the refresh returns. */
  settled?(): Promise<void>;
}

export interface Subject {
  readonly target: unknown;
  readonly application: string;
  /** How often something was asked that may never be, such as the place a redirect leads to. */
  strayed?(): number;
  /** Of a dependent that nobody asks: it goes over to AWSCURRENT of its own accord. */
  goOver?(): Promise<void>;
}

interface Examination<T> {
  readonly kind: DependentKind<T>;
  readonly world: () => Promise<DependentWorld>;
  /** false: nobody is asked, and only the target's sessions speak for it. Default true. */
  readonly isAsked?: boolean;
}

const NAMES = [
  "DependentNotReady",
  "DependentUnhealthy",
  "Throttled",
  "TargetUnavailable",
  "ServiceUnavailable",
  "ConfigurationInvalid",
  "AccessDenied",
] as const;

/** How long past the time-out of 1 s, or past an abort, a request may last on a busy machine, in milliseconds. */
const MARGIN_MS = 2000;

/** The exam of every kind of dependent: what is promised in core/dependents/dependent.ts, against real ones. */
export function testDependent<T>({ kind, world: startWorld, isAsked = true }: Examination<T>): void {
  async function begin(character: Character, timeoutSeconds = 5) {
    const world = await startWorld();
    const subject = await world.start(character, timeoutSeconds);
    return { world, ...bind(world, subject), subject };
  }

  function bind(world: DependentWorld, subject: Subject) {
    const target = z.parse(kind.target, subject.target);
    const live = () => new AbortController().signal;
    return {
      verify: (change: SecretChange, signal = live()) => kind.verify(target, change, signal),
      /** And waits until that has come to its end. */
      refresh: async (change: SecretChange, signal = live()) => {
        await kind.refresh?.(target, change, signal);
        await subject.goOver?.();
        await world.settled?.();
      },
      probe: async (change: SecretChange, signal = live()) => kind.probe?.(target, change, signal),
    };
  }

  /** What a rotation makes of one required dependent: the evidence, and whether it is missed. */
  async function judge(
    world: DependentWorld,
    { application, target }: Subject,
    { strength, seen }: Evidence,
    since: Date,
  ) {
    const asked = { kind: kind.kind, target, application };
    const dependent = { name: "orders-api", ...asked, evidence: "strong", required: true } as const;
    const { evidence, missing } = confirmEvidence({
      dependents: [dependent],
      seen: [{ dependent: "orders-api", strength, seen }],
      sessions: await world.sessions(),
      since,
    });
    return { ...evidence[0], missing };
  }

  /** As ConfirmEvidence does it: the target is asked again where it has not seen everything. */
  async function expectConfirmed(world: DependentWorld, subject: Subject, evidence: Evidence, since: Date) {
    await vi.waitFor(
      async () =>
        expect(await judge(world, subject, evidence, since)).toMatchObject({ strength: "strong", missing: [] }),
      { timeout: 5000, interval: 100 },
    );
  }

  /** One that is asked is not ready; one that nobody asks is not confirmed. */
  async function expectOnOldVersion(
    world: DependentWorld,
    subject: Subject,
    verify: () => Promise<Evidence>,
    since: Date,
  ) {
    if (isAsked) expect((await refusal(world, verify())).name).toBe("DependentNotReady");
    else expect(await judge(world, subject, await verify(), since)).toMatchObject({ missing: ["orders-api"] });
  }

  describe(`${kind.kind}: an honest dependent`, () => {
    test("is seen on the version that it was refreshed for, and the target confirms it", async () => {
      const { world, verify, refresh, subject } = await begin("honest");
      await using _ = world;
      await world.set();
      const promotedAt = await world.promote();

      await refresh(world.candidate);
      const evidence = await verify(world.candidate);

      expect(isAsked ? ["claimed", "strong"] : ["weak"]).toContain(evidence.strength);
      expect(evidence.seen).toContain(world.candidate.versionId);
      expect(evidence.seen).not.toContain(world.canary);
      await expectConfirmed(world, subject, evidence, promotedAt);
    });

    test("is not ready as long as it uses the old version", async () => {
      const { world, verify, subject } = await begin("honest");
      await using _ = world;
      await world.set();
      const promotedAt = await world.promote();

      await expectOnOldVersion(world, subject, () => verify(world.candidate), promotedAt);
    });

    test("may be refreshed twice, at once and again", async () => {
      const { world, verify, refresh } = await begin("honest");
      await using _ = world;
      await world.set();
      await world.promote();

      await Promise.all([refresh(world.candidate), refresh(world.candidate)]);
      await refresh(world.candidate);

      expect((await verify(world.candidate)).seen).toContain(world.candidate.versionId);
    });

    test("is seen on the base again after a rollback, and on nothing else", async () => {
      const { world, verify, refresh, subject } = await begin("honest");
      await using _ = world;
      await world.set();
      await world.promote();
      await refresh(world.candidate);
      const restoredAt = await world.restore();

      await expectOnOldVersion(world, subject, () => verify(world.base), restoredAt);
      await refresh(world.base);
      const evidence = await verify(world.base);

      await expectConfirmed(world, subject, evidence, restoredAt);
    });

    test.runIf(kind.probe)("proves a candidate that the target accepts, and stays on the base meanwhile", async () => {
      const { world, verify, probe } = await begin("honest");
      await using _ = world;
      await world.set();

      await probe(world.candidate);
      await probe(world.candidate);

      expect((await verify(world.base)).seen).toContain(world.base.versionId);
    });

    test.runIf(kind.probe)("does not prove a candidate that the target refuses", async () => {
      const { world, probe } = await begin("honest");
      await using _ = world;

      expect((await refusal(world, probe(world.candidate))).name).toBe("DependentUnhealthy");
    });
  });

  describe(`${kind.kind}: a dependent that must not pass`, () => {
    test.runIf(isAsked)("is not accepted while it is unhealthy", async () => {
      const { world, verify, refresh } = await begin("failing");
      await using _ = world;
      await world.set();
      await world.promote();
      await refresh(world.candidate);

      expect((await refusal(world, verify(world.candidate))).name).toBe("DependentNotReady");
    });

    test.runIf(kind.refresh)("ends the rotation when it refuses the refresh", async () => {
      const { world, refresh } = await begin("refusing");
      await using _ = world;

      expect((await refusal(world, refresh(world.candidate))).name).toBe("DependentUnhealthy");
    });

    test("is found out when it claims the new version over its old connections", async () => {
      const { world, verify, refresh, subject } = await begin("liar");
      await using _ = world;
      await world.set();
      const promotedAt = await world.promote();
      await refresh(world.candidate);

      const evidence = await verify(world.candidate);

      expect(evidence.strength).toBe(isAsked ? "claimed" : "weak");
      expect((await world.sessions()).some((session) => session.application === subject.application)).toBe(true);
      expect(await judge(world, subject, evidence, promotedAt)).toMatchObject({
        strength: "weak",
        missing: ["orders-api"],
      });
    });

    test("does not pass by a trick of its kind", async () => {
      await using world = await startWorld();
      for (const [hazard, subject] of Object.entries(await world.hazards())) {
        const { verify, refresh, probe } = bind(world, subject);
        await Promise.all([
          refusal(world, verify(world.candidate), hazard),
          // Accepting a refresh proves nothing, so whoever likes may do it.
          refresh(world.candidate).catch((error: unknown) => check(world, error, hazard)),
          ...(kind.probe ? [refusal(world, probe(world.candidate), hazard)] : []),
        ]);

        expect(subject.strayed?.() ?? 0, hazard).toBe(0);
      }
    });
  });

  describe.runIf(isAsked)(`${kind.kind}: a dependent that says nothing`, () => {
    test("is given up when its time is over", async () => {
      const { world, verify, refresh, probe } = await begin("silent", 1);
      await using _ = world;
      const begun = performance.now();

      await Promise.all([
        refusal(world, verify(world.candidate)),
        ...(kind.refresh ? [refusal(world, refresh(world.candidate))] : []),
        ...(kind.probe ? [refusal(world, probe(world.candidate))] : []),
      ]);

      expect(performance.now() - begun).toBeLessThan(1000 + MARGIN_MS);
    });

    test("is given up at once when the signal aborts, also when it has aborted before", async () => {
      const { world, verify, refresh, probe } = await begin("silent", 20);
      await using _ = world;
      const aborted = AbortSignal.abort();
      const controller = new AbortController();
      const attempts = [aborted, controller.signal].flatMap((signal) => [
        refusal(world, verify(world.candidate, signal)),
        ...(kind.refresh ? [refusal(world, refresh(world.candidate, signal))] : []),
        ...(kind.probe ? [refusal(world, probe(world.candidate, signal))] : []),
      ]);
      const begun = performance.now();

      controller.abort();
      await Promise.all(attempts);

      expect(performance.now() - begun).toBeLessThan(MARGIN_MS);
    });
  });
}

/** The error of an attempt that must fail. */
async function refusal(world: DependentWorld, attempt: Promise<unknown>, about?: string): Promise<RotationError> {
  const error = await attempt.then(
    (value) => new Error(`${about ?? "It"} was accepted: ${inspect(value)}`),
    (reason: unknown) => reason,
  );
  return check(world, error, about);
}

/** One of our errors, with a name that a kind may throw, and without the canary. */
function check(world: DependentWorld, error: unknown, about?: string): RotationError {
  if (!(error instanceof RotationError)) {
    throw error;
  }
  expect(NAMES, about).toContain(error.name);
  expect(inspect(error, { depth: 10, showHidden: true }), about).not.toContain(world.canary);
  return error;
}
