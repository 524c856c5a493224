import type { LabelTable } from "../../core/outcome.ts";
import { AWSCURRENT, holderOf } from "../../core/versions/secret.ts";
import type { InterceptedCall } from "../../local/wire-calls.ts";
import type { Arena } from "./arena.ts";
import type { Dependent } from "./dependents.ts";
import type { Login } from "./target.ts";

/** What is true at one instant. `step` counts calls of the account and acts of people, so that instants can be ordered. */
export interface Instant {
  readonly step: number;
  readonly labels: LabelTable;
  readonly doors: string;
  /** The labelled versions that sign in. */
  readonly opens: readonly string[];
  /** By dependent: the version of its newest authentication. */
  readonly authenticated: Readonly<Record<string, string>>;
}

/** What an act of a person changes. One that changes none of it is harmless. */
export interface Effect {
  /** Labels, versions or whether Secrets Manager rotates. */
  readonly labels?: boolean;
  /** What the target accepts. */
  readonly target?: boolean;
  /** The execution that it stopped. */
  readonly stopped?: string;
  /** The version that it wrote. */
  readonly wrote?: string;
}

/** Something that a person did, which took effect. */
export interface Act extends Effect {
  readonly step: number;
  readonly what: string;
}

/** One execution, as far as it was seen. */
export interface Seen {
  readonly name: string;
  readonly token: string;
  readonly mode: string;
  readonly isRepair: boolean;
  readonly started: number;
  /** Before Plan read anything. */
  planned?: Instant;
  /** The steps at which the function was called for: testSecret and rollBack last, finishSecret first. */
  tested?: number;
  promoting?: number;
  rollingBack?: number;
  finishTries: number;
  ended?: Instant;
}

export interface Watch extends Disposable {
  readonly violations: ReadonlySet<string>;
  readonly seen: ReadonlyMap<string, Seen>;
  readonly acts: readonly Act[];
  /** What happened, one line each. */
  readonly trace: readonly string[];
  now(): Instant;
  /** The value of a version, while it has one. */
  credentialOf(versionId: string): Login | undefined;
  violate(what: string): void;
  /** A person does something: what breaks at that instant is theirs. Nothing is noted when it was refused. */
  byHand(what: string, effect: Effect, run: () => Promise<void> | void): Promise<void>;
  onCall(call: InterceptedCall): Promise<void> | undefined;
}

interface Watched {
  readonly secretArn: string;
  readonly overlap: boolean;
  readonly dependents: readonly Dependent[];
}

/** Past these the target may have been touched, and no other execution of the secret may be. */
const PAST_CREATE = new Set(["SetSecret", "TestSecret", "ProbeCandidate", "FinishSecret", "RollBack"]);

/** Looks after each call of the account, and at each change of the target, whether what is promised of every instant holds. */
export function startWatch(arena: Arena, { secretArn, overlap, dependents }: Watched): Watch {
  const { account, target } = arena;
  const violations = new Set<string>();
  const trace: string[] = [];
  const acts: Act[] = [];
  const seen = new Map<string, Seen>();
  const values = new Map<string, Login>();
  const pastCreate = new Set<string>();
  /** Versions whose labels a rollback has begun to move. */
  const takingBack = new Set<string>();
  let known = account.states.executions().length;
  let step = 0;
  let hand = false;
  let wasOpen = true;
  let wasCurrentOpen = true;
  let setting = 0;
  let meddled = -1;
  let changed = -1;
  /** A person has given the target a password that is not AWSCURRENT's. */
  let isTheirs = false;

  target.onChange = ({ before, after, versionId }) => {
    trace.push(
      `    target: ${before.length} -> ${after.length} passwords, for ${versionId?.slice(0, 8) ?? "a person"}`,
    );
    sample("a change of the target");
  };

  const watch: Watch = {
    violations,
    trace,
    seen,
    acts,
    now,
    credentialOf,
    violate: (what) => void violations.add(what),
    async byHand(what, effect, run) {
      if (target.refresh !== undefined) await target.refresh();
      sample(what);
      step += 1;
      hand = true;
      try {
        const done = run();
        if (done instanceof Promise) await done;
        if (target.refresh !== undefined) await target.refresh();
        acts.push({ step, what, ...effect });
        if (effect.labels) meddled = step;
        if (effect.target) changed = step;
        if (effect.target) isTheirs = !opens(holderOf(labelsNow(), AWSCURRENT));
        trace.push(`* ${what}`);
      } catch (error) {
        trace.push(`* ${what}: refused, ${(error as Error).name}`);
      } finally {
        sample(what);
        hand = false;
      }
    },
    onCall(call) {
      step += 1;
      if (call.phase === "before") trace.push(line(call));
      if (call.caller === "roll-back" && call.operation === "UpdateSecretVersionStage") {
        const { VersionStage, MoveToVersionId, RemoveFromVersionId } = call.input as Record<string, string>;
        if (VersionStage === "ROTATION_CANDIDATE" && MoveToVersionId !== undefined) takingBack.add(MoveToVersionId);
        if (VersionStage === "AWSCURRENT" && RemoveFromVersionId !== undefined) takingBack.add(RemoveFromVersionId);
      }
      meet();
      if (call.service === "lambda" && call.caller === "states" && call.phase === "before") note(call);
      if (target.refresh === undefined) sample(`${call.caller} ${call.operation}`);
      else return confirm(`${call.caller} ${call.operation}`);
    },
    [Symbol.dispose]() {
      target.onChange = () => {};
    },
  };
  return watch;

  // --- what is true now ---

  function labelsNow(): LabelTable {
    const reply = arena.ask("secretsManager", "DescribeSecret", { SecretId: secretArn });
    return (reply["VersionIdsToStages"] ?? {}) as LabelTable;
  }

  function now(): Instant {
    const labels = labelsNow();
    return {
      step,
      labels,
      doors: target.doors(),
      opens: Object.keys(labels).filter(opens),
      authenticated: Object.fromEntries(dependents.map(({ name, authenticated }) => [name, authenticated])),
    };
  }

  function credentialOf(versionId: string): Login | undefined {
    const kept = values.get(versionId);
    if (kept !== undefined) return kept;
    try {
      const reply = arena.ask("secretsManager", "GetSecretValue", { SecretId: secretArn, VersionId: versionId });
      const value = JSON.parse(String(reply["SecretString"])) as Login;
      values.set(versionId, value);
      return value;
    } catch {
      return undefined;
    }
  }

  function opens(versionId: string | undefined): boolean {
    const login = versionId === undefined ? undefined : credentialOf(versionId);
    return login !== undefined && target.accepts(login);
  }

  // --- what is promised of every instant ---

  /** What was true and is not any more, without a person's doing, is a violation. */
  function sample(where: string): void {
    const labels = labelsNow();
    const open = Object.keys(labels).some(opens);
    const currentOpen = opens(holderOf(labels, AWSCURRENT));
    if (currentOpen) isTheirs = false;
    // Discard does not look at the target: it cannot know that a person has just given it the discarded version's password.
    if (!hand && wasOpen && !open && !(isTheirs && isDiscarding()))
      violations.add(`No labelled version signs in, from step ${step} (${where}) on.`);
    // A set that was on its way when a person moved AWSCURRENT cannot know of it.
    if (!hand && overlap && wasCurrentOpen && !currentOpen && meddled < setting && !isProofOutdated()) {
      violations.add(`AWSCURRENT does not sign in, though the scheme has overlap, from step ${step} (${where}) on.`);
    }
    wasOpen = open;
    wasCurrentOpen = currentOpen;
  }

  /** A version has signed in before AWSCURRENT goes to it; what a person does to the target after that is theirs. */
  function isProofOutdated(): boolean {
    const running = account.states.executions().filter(({ status }) => status === "RUNNING");
    return running.some(({ record }) => {
      const { tested = Number.POSITIVE_INFINITY, rollingBack = tested } = seen.get(record.name) ?? {};
      return Math.min(tested, rollingBack) < changed;
    });
  }

  function isDiscarding(): boolean {
    const running = account.states
      .executions()
      .filter(({ status, record }) => status === "RUNNING" && seen.has(record.name));
    return running.some(({ events }) => lastState(events) === "Discard");
  }

  /** Where the target has to be asked, its answer may be older than the labels: only what stays is believed. */
  async function confirm(where: string): Promise<void> {
    for (let look = 0; look < 3; look += 1) {
      await target.refresh?.();
      if (Object.keys(labelsNow()).some(opens)) break;
    }
    sample(where);
  }

  // --- executions ---

  function meet(): void {
    const all = account.states.executions();
    for (const execution of all.slice(known)) {
      known += 1;
      const { name, input } = execution.record;
      const { token, mode, secretArn: arn } = JSON.parse(input) as Record<string, string>;
      if (arn !== secretArn) continue;
      const one: Seen = {
        ...{ name, token: token ?? "", mode: mode ?? "", isRepair: mode === "repair", started: step, finishTries: 0 },
      };
      seen.set(name, one);
      void execution.done.then(() => {
        one.ended = now();
        trace.push(
          `= ${name.slice(21)} ${execution.status} ${execution.error ?? execution.output?.slice(0, 40) ?? ""}`,
        );
      });
    }
    const past = all.filter(({ status, record, events }) => {
      const one = seen.get(record.name);
      if (status !== "RUNNING" || one === undefined) return false;
      // What is only observed touches labels and target in RollBack alone, and there only after it has looked around.
      const isObserved = seen.get(record.name.replace(/-r\d+$/, ""))?.mode === "observed";
      if (isObserved) return lastState(events) === "RollBack" && takingBack.has(one.token);
      if (!pastCreate.has(record.name) && events.some((event) => PAST_CREATE.has(String(nameOfState(event))))) {
        pastCreate.add(record.name);
      }
      return pastCreate.has(record.name);
    });
    if (past.length > 1) {
      violations.add(
        `Two executions are past CreateSecret at once: ${past.map(({ record }) => record.name).join(", ")}.`,
      );
    }
  }

  function note(call: InterceptedCall): void {
    const { Payload } = call.input as { Payload: Record<string, unknown> };
    if ("rotation" in Payload) {
      const one = seen.get(String(Payload["executionName"]));
      if (one !== undefined) one.planned ??= now();
      return;
    }
    const what = Payload["Step"] ?? Payload["action"];
    const token = Payload["ClientRequestToken"] ?? Payload["token"];
    if (what === "setSecret") setting = step;
    const one = running(String(token));
    if (one === undefined) return;
    if (what === "testSecret") one.tested = step;
    if (what === "rollBack") one.rollingBack = step;
    if (what === "finishSecret") {
      one.promoting ??= step;
      one.finishTries += 1;
    }
  }

  function running(token: string): Seen | undefined {
    const all = account.states.executions().filter(({ status }) => status === "RUNNING");
    const found = all.find(({ record }) => seen.get(record.name)?.token === token);
    return found && seen.get(found.record.name);
  }

  function line({ service, operation, caller, input }: InterceptedCall): string {
    const { Payload, ...rest } = input as { Payload?: Record<string, unknown> };
    const told = Payload === undefined ? rest : { ...Payload, plan: undefined, RotationToken: undefined };
    const text = Object.entries(told)
      .filter(([key, value]) => typeof value === "string" && !HIDDEN.has(key))
      .map(([, value]) => String(value).slice(0, 60))
      .join(" ");
    return `${step} ${caller ?? "-"} ${service}.${operation} ${text}`;
  }
}

const HIDDEN = new Set(["SecretId", "secretArn", "SecretString", "stateMachineArn", "FunctionName", "secretName"]);

function lastState(events: readonly object[]): unknown {
  return events.map(nameOfState).findLast((name) => name !== undefined);
}

function nameOfState(event: object): unknown {
  return (event as { stateEnteredEventDetails?: { name?: string } }).stateEnteredEventDetails?.name;
}
