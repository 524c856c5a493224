import { EVENT_SOURCE } from "../../core/blueprint.ts";
import type { BusEvent } from "../../local/services/service.ts";
import { type Arena, dependentsOf, secretNameOf } from "./arena.ts";
import { beginSecret, rotationEventsOf } from "./begin-secret.ts";
import { leaksOf } from "./leaks.ts";
import { people } from "./people.ts";
import type { Played, Told, ToldIncident } from "./played.ts";
import { judge } from "./promises.ts";
import { createRandom } from "./random.ts";
import type { PlannedAction, Scenario } from "./scenario.ts";
import { startWatch } from "./watch.ts";

/** How one run ended. */
export interface Report {
  readonly scenario: Scenario;
  readonly outcomes: readonly string[];
  /** What was promised and is not so. */
  readonly broken: readonly string[];
  /** Everything that happened, one line each. */
  readonly trace: readonly string[];
}

/** Rounds of reconcile after which what is still open is a finding. */
const ROUNDS = 6;
/** Whatever reconcile leaves alone because somebody may be at work on it, it takes up after this long. */
const RECONCILED_AFTER_MS = 31 * 60_000;
/** Executions older than that are not looked at any more: a run has nothing to do with those before it. */
const FORGOTTEN_AFTER_MS = 49 * 3_600_000;

/** Plays one scenario: a secret of its own, one rotation, and all that is thrown in; then judges what came of it. */
export async function play(arena: Arena, scenario: Scenario): Promise<Report> {
  const { account, clock, target } = arena;
  const marks = {
    told: account.sns.inbox().length,
    events: account.events.seen().length,
    logs: account.lambda.logs().length,
  };
  // Of how a secret came into being nobody is to hear.
  const silence = account.events.disturb({ copies: () => 0 });
  const logins = await target.begin(scenario, arena);
  const { secretArn, base, older } = beginSecret(arena, secretNameOf(scenario), logins);
  const dependents = await arena.dependents.begin(secretArn, dependentsOf(scenario.shape), scenario);
  silence[Symbol.dispose]();

  const watch = startWatch(arena, { secretArn, overlap: scenario.overlap, dependents });
  const somebody = people(arena, watch, secretArn, scenario);
  const planned = [...scenario.actions].sort((one, other) => one.atCall - other.atCall);
  let calls = 0;
  {
    using _chaos = account.events.disturb(eventChaos(scenario));
    using _hook = account.intercept((call) => {
      const looked = watch.onCall(call);
      if (call.phase !== "before") return looked;
      calls += 1;
      const due: PlannedAction[] = [];
      while ((planned[0]?.atCall ?? Number.POSITIVE_INFINITY) < calls) due.push(planned.shift() as PlannedAction);
      return due.length === 0 ? looked : all(looked, due, somebody.act);
    });
    await somebody.begin();
    await account.idle();
    for (const action of planned.splice(0)) {
      await somebody.act(action);
      await account.idle();
    }
  }
  target.heal();
  {
    using _hook = account.intercept((call) => watch.onCall(call));
    for (let round = 0; round < ROUNDS; round += 1) {
      const executions = account.states.executions().length;
      await clock.advance(RECONCILED_AFTER_MS);
      arena.reconcile();
      await account.idle();
      if (account.states.executions().length === executions) break;
    }
  }
  await target.refresh?.();
  watch[Symbol.dispose]();

  const events = account.events.seen().slice(marks.events);
  const inbox = account.sns.inbox().slice(marks.told);
  const messages = inbox
    .filter(({ TopicArn }) => TopicArn === arena.deployment.topicArns.events)
    .map(({ Message }) => JSON.parse(Message) as Told | ToldIncident);
  const played: Played = {
    ...{ scenario, secretArn, base, older, dependents, watch, tokens: somebody.tokens },
    told: messages.filter((each) => each.schema === "rotation.notification/1"),
    incidents: messages.filter((each) => each.schema === "rotation.incident/1"),
    rotationEvents: rotationEventsOf(secretArn, events),
  };
  const { broken, outcomes } = judge(arena, played);
  const logs = account.lambda.logs().slice(marks.logs);
  const leaks = leaksOf(arena, played, { events, inbox, logs });
  arena.ask("secretsManager", "DeleteSecret", { SecretId: secretArn, ForceDeleteWithoutRecovery: true });
  await account.idle();
  await clock.advance(FORGOTTEN_AFTER_MS);
  await target.end();
  return { scenario, outcomes, broken: [...broken, ...leaks], trace: watch.trace };
}

async function all(
  looked: Promise<void> | undefined,
  due: readonly PlannedAction[],
  act: (action: PlannedAction) => Promise<void>,
): Promise<void> {
  await looked;
  for (const action of due) await act(action);
}

/**
 * Loses, doubles and delays deliveries; the delays are of different lengths, so that events change places. Rotor's own events
 * are delivered at least once: EventBridge repeats until it has, and only CloudTrail's are best effort.
 */
function eventChaos({ events, eventSeed }: Scenario) {
  const random = createRandom(eventSeed);
  return {
    copies: ({ source }: BusEvent) =>
      source !== EVENT_SOURCE && random.chance(events.lose) ? 0 : random.chance(events.double) ? 2 : 1,
    delayMs: () => (random.chance(events.delay) ? 1 + Math.floor(1_200_000 * random.next() ** 4) : 0),
  };
}
