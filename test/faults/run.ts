import { AWSCURRENT, holderOf } from "../../core/versions/secret.ts";
import type { BusEvent } from "../../local/services/service.ts";
import { beginSecret, rotationEventsOf } from "../interleavings/begin-secret.ts";
import { leaksOf } from "../interleavings/leaks.ts";
import { readEnd } from "../interleavings/outcomes.ts";
import { people } from "../interleavings/people.ts";
import type { Played, Told, ToldIncident } from "../interleavings/played.ts";
import { judge } from "../interleavings/promises.ts";
import type { Scenario } from "../interleavings/scenario.ts";
import { startWatch } from "../interleavings/watch.ts";
import { ACTS, type Effect, type Fault } from "./alphabet.ts";
import { type FaultArena, faultSecretName } from "./arena.ts";
import { type Injection, kindOf, occurrence, openSeam } from "./inject.ts";
import { askTwice, type Schedule, takeTurns } from "./race.ts";

/** What is rotated, and where it is to end when nothing goes wrong. */
export interface Situation {
  readonly mode: "native" | "driven";
  readonly overlap: boolean;
  /** "rolled-back": the dependent never follows. */
  readonly path: "forward" | "rolled-back";
}

export interface FaultReport {
  readonly situation: Situation;
  readonly injections: readonly Injection[];
  readonly schedule: Schedule | undefined;
  /** Every fault was one, or both rotations were under way at once. */
  readonly isMet: boolean;
  readonly effects: readonly Effect[];
  readonly outcomes: readonly string[];
  /** All that is true in the end, by roles in place of ids: two runs that end alike have the same text. */
  readonly end: string;
  /** What was promised and is not so. */
  readonly broken: readonly string[];
  readonly trace: readonly string[];
}

/** Whatever reconcile leaves alone because somebody may be at work on it, it takes up after this long. */
const RECONCILED_AFTER_MS = 31 * 60_000;
const ROUNDS = 6;

export interface FaultOptions {
  readonly injections?: readonly Injection[];
  /** The end that leaves nothing to be reconciled. Absent: reconcile looks in any case. */
  readonly expected?: string | undefined;
  /** Whether passwords are searched for in all that was written, which is the longest part of a run. Default: they are. */
  readonly isSearched?: boolean;
  /** Two rotations at once, in these turns. */
  readonly schedule?: Schedule;
}

/** Plays one rotation with the faults that are named, or two, lets recovery have its way, and judges what came of it. */
export async function playFaults(
  arena: FaultArena,
  situation: Situation,
  { injections = [], expected, schedule, isSearched = true }: FaultOptions = {},
): Promise<FaultReport> {
  const { account, clock, target } = arena;
  const marks = {
    told: account.sns.inbox().length,
    events: account.events.seen().length,
    logs: account.lambda.logs().length,
  };
  const scenario = scenarioOf(situation, arena.retryForm);
  const silence = account.events.disturb({ copies: () => 0 });
  const logins = await target.begin(scenario, arena);
  const { secretArn, base, older } = beginSecret(arena, faultSecretName(situation.mode, situation.overlap), logins);
  const dependents = await arena.dependents.begin(secretArn, ["orders"], scenario);
  silence[Symbol.dispose]();

  const watch = startWatch(arena, { secretArn, overlap: situation.overlap, dependents });
  using _watching = account.intercept((call) => watch.onCall(call));
  const somebody = people(arena, watch, secretArn, scenario);
  const delivered: BusEvent[] = [];
  using _deliveries = account.intercept(({ phase, caller, operation, input }) => {
    if (phase !== "before" || caller !== "events" || operation !== "Invoke") return;
    delivered.push((input as { readonly Payload: BusEvent }).Payload);
  });
  let isDeleted = false;
  const race = schedule === undefined ? undefined : askTwice(arena, secretArn, base);
  const tokens = race === undefined ? somebody.tokens : new Set(race.tokens);
  using seam = openSeam(arena, injections, { secretArn, look: watch.look, act });
  let areAtOnce = true;
  {
    using turns = race && takeTurns(arena, race.tokens, schedule ?? []);
    if (race === undefined) await somebody.begin();
    else race.start();
    await account.idle();
    if (turns !== undefined) areAtOnce = turns.areAtOnce();
  }
  target.heal();
  await seam.heal();
  if (isDeleted) arena.ask("secretsManager", "RestoreSecret", { SecretId: secretArn });
  await account.idle();
  const noticed = seam.effects.length;
  // Nothing is left for it where all is as it is to be.
  for (let round = 0; round < ROUNDS && endOf() !== expected; round += 1) {
    const executions = account.states.executions().length;
    await clock.advance(RECONCILED_AFTER_MS);
    arena.reconcile();
    await account.idle();
    if (account.states.executions().length === executions) break;
  }
  watch[Symbol.dispose]();

  const events = account.events.seen().slice(marks.events);
  const { inbox, told, incidents } = toldSince();
  const played: Played = {
    ...{ secretArn, base, older, dependents, watch, tokens, told, incidents },
    scenario: isLasting(injections, seam.effects) ? { ...scenario, faults: [LASTS] } : scenario,
    isProvedEarly: arena.isProvedEarly,
    rotationEvents: rotationEventsOf(secretArn, events),
  };
  const { broken, outcomes } = judge(arena, played);
  const end = endOf();
  const written = { events, inbox, logs: account.lambda.logs().slice(marks.logs) };
  const leaks = isSearched ? leaksOf(arena, played, written) : [];
  const effects = seam.effects.slice(0, noticed);
  arena.ask("secretsManager", "DeleteSecret", { SecretId: secretArn, ForceDeleteWithoutRecovery: true });
  await account.idle();
  await clock.advance(49 * 3_600_000);
  await target.end();
  const isMet = seam.isMet() && areAtOnce;
  const all = [...broken, ...leaks];
  return { situation, injections, schedule, isMet, effects, outcomes, end, broken: all, trace: watch.trace };

  async function act(fault: Fault, wanted?: number): Promise<boolean> {
    const before = watch.acts.length;
    if (fault === "deleted") {
      await watch.byHand("DeleteSecret", { cancels: true, deletes: true }, () => {
        arena.ask("secretsManager", "DeleteSecret", { SecretId: secretArn, RecoveryWindowInDays: 7 });
        isDeleted = true;
      });
    } else if (fault === "repeated event") {
      const event = delivered.at(-1);
      if (event === undefined) return false;
      const { source, detail, resources } = event;
      await watch.byHand(`repeat ${event["detail-type"]} ${detail["eventName"] ?? ""}`, {}, () => {
        account.events.put({ bus: busOf(event), source, detailType: event["detail-type"], detail, resources });
      });
    } else {
      const again = [situation.mode === "native" ? "rotate again" : "request", 0.4] as const;
      const [action, roll] = fault === "rotated again" ? again : (ACTS[fault] ?? again);
      await somebody.act({ action, roll: wanted ?? roll, atCall: 0 });
    }
    return watch.acts.length > before;
  }

  /** What a rule gets does not say over which bus it came. */
  function busOf({ id }: BusEvent): string {
    return account.events.seen().find((each) => each.id === id)?.bus ?? "default";
  }

  function toldSince() {
    const inbox = account.sns.inbox().slice(marks.told);
    const messages = inbox
      .filter(({ TopicArn }) => TopicArn === arena.deployment.topicArns.events)
      .map(({ Message }) => JSON.parse(Message) as Told | ToldIncident);
    return {
      inbox,
      told: messages.filter((each): each is Told => each.schema === "rotation.notification/1"),
      incidents: messages.filter((each): each is ToldIncident => each.schema === "rotation.incident/1"),
    };
  }

  function endOf(): string {
    const { labels, opens, authenticated } = watch.now();
    const role = (id: string) =>
      id === base ? "base" : id === older ? "older" : tokens.has(id) ? "candidate" : `other`;
    const rows = Object.entries(labels).map(([id, held]) => `${role(id)}: ${[...held].sort().join(" ")}`);
    const ids = new Set(toldSince().told.map(({ id }) => id));
    const ends = [...watch.seen.values()].flatMap((seen) => readEnd(arena, seen)?.outcome ?? "RUNNING");
    return [
      ends.filter((each) => each !== "IGNORED").join(),
      rows.sort().join("; "),
      `opens ${opens.map(role).sort().join()}`,
      `dependents ${Object.values(authenticated).map(role).join()}`,
      `told ${ids.size}`,
      `current ${role(holderOf(labels, AWSCURRENT) ?? "")}`,
    ].join(" | ");
  }
}

/** The same as one of the interleavings, for those who judge. */
function scenarioOf({ mode, overlap, path }: Situation, retryForm: Scenario["retryForm"]): Scenario {
  return {
    ...{ seed: 0, mode, overlap, shape: "followed", retryForm, flakySeconds: 1, actions: [], eventSeed: 1 },
    behaviours: { orders: path === "forward" ? "reloading" : "deaf" },
    faults: [],
    events: { lose: 0, double: 0, delay: 0 },
  };
}

/** As the interleavings say that something fails until people see to it. */
const LASTS = { fault: "refuse", atRequest: 1_000_000, times: 1, seconds: 1 } as const;

/** Nothing may hide it. What tells people of an outcome is no part of what the outcome is. */
function isLasting(injections: readonly Injection[], effects: readonly Effect[]): boolean {
  return injections.some(({ at, fault }) => {
    const effect = effects.find((each) => each.index === at || occurrence(each, effects) === at);
    const tells = effect !== undefined && /^notify | lambda\.Invoke notify$/.test(kindOf(effect));
    return fault === "lost" || (fault === "permanent" && !tells);
  });
}
