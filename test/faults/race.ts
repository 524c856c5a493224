import { deriveToken } from "../../core/identity.ts";
import type { FaultArena } from "./arena.ts";
import { payloads } from "./in-process/environment.ts";

/** Two rotations of one secret. */
export interface Race {
  readonly tokens: readonly [string, string];
  /** Asks for both. */
  start(): void;
}

/** Whose turn it is: so many effects of the first rotation, then so many of the second one, and so on; the last goes on to its end. */
export type Schedule = readonly number[];

/** Who may go on; the other one stands at its next effect. */
export interface Turns extends Disposable {
  /** Each has had effects, and the first one some after the second one's. */
  areAtOnce(): boolean;
}

/** After so many turns of the event loop without an effect of whose turn it is, that one is taken to wait for time, or to have ended. */
const PATIENCE = 40;

/**
 * Lets two rotations of one secret go on in turns, as a schedule says, at every effect of theirs. Effects of neither of them pass.
 * @param tokens of the first and of the second one
 */
export function takeTurns(arena: FaultArena, tokens: Race["tokens"], schedule: Schedule): Turns {
  const counts: [number, number] = [0, 0];
  const left = [...schedule];
  let turn = 0;
  let quiet = 0;
  let goesOn = false;

  const wait = async (payload: string | undefined) => {
    const who = tokens.findIndex((token) => payload?.includes(token));
    if (who < 0) return;
    for (quiet = 0; turn !== who; quiet += 1) {
      if (quiet > PATIENCE) turn = who;
      await new Promise((resolve) => setImmediate(resolve));
    }
    quiet = 0;
    counts[who as 0 | 1] += 1;
    if (who === 0 && counts[1] > 0) goesOn = true;
    if (left.length === 0) return;
    left[0] = (left[0] ?? 0) - 1;
    if ((left[0] ?? 0) > 0) return;
    left.shift();
    turn = 1 - who;
  };

  const hook = arena.account.intercept(async ({ phase, caller, input }) => {
    if (phase !== "before" || caller === undefined) return;
    await wait(payloads.get(input as object) ?? JSON.stringify((input as { Payload?: unknown }).Payload ?? null));
  });
  arena.doors.target = async (request, _caller, answer) => {
    await wait(payloads.get(request));
    return answer();
  };
  arena.doors.dependent = async (_url, _caller, answer, request) => {
    await wait(payloads.get(request));
    return answer();
  };
  return {
    areAtOnce: () => goesOn,
    [Symbol.dispose]() {
      hook[Symbol.dispose]();
      arena.doors.target = async (_request, _caller, answer) => answer();
      arena.doors.dependent = (_url, _caller, answer) => answer();
    },
  };
}

/**
 * Asks for two rotations of one driven secret at once. Of a native one Secrets Manager takes no second rotation while the first is
 * incomplete: "rotated again" asks for it at each effect.
 */
export function askTwice(arena: FaultArena, secretArn: string, base: string): Race {
  const attempts = [1, 2] as const;
  const ask = (attempt: number) => {
    const Detail = JSON.stringify({ secretId: secretArn, expectedVersionId: base, attempt });
    const entry = { EventBusName: arena.deployment.busName, Source: "test", DetailType: "Rotation Requested", Detail };
    arena.ask("events", "PutEvents", { Entries: [entry] });
  };
  const [first, second] = attempts.map((attempt) => deriveToken(secretArn, base, attempt, "ordinary"));
  return { tokens: [first as string, second as string], start: () => attempts.forEach(ask) };
}
