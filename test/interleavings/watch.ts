import type { LabelTable } from "../../core/outcome.ts";
import { AWSCURRENT, AWSPREVIOUS, holderOf } from "../../core/versions/secret.ts";
import type { InterceptedCall } from "../../local/wire-calls.ts";
import type { Arena } from "./arena.ts";
import type { Dependent } from "./dependents.ts";
import type { Login } from "./target.ts";
import { lineOf } from "./trace.ts";
import { type Seen, watchExecutions } from "./watch-executions.ts";

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
  /** The run begins with it: it excuses nothing. */
  readonly begins?: boolean;
  /** What the target accepts. */
  readonly target?: boolean;
  /** It ends a rotation, or is in the way of one. */
  readonly cancels?: boolean;
  /** No value can be read, and nothing written, until people restore the secret. */
  readonly deletes?: boolean;
  /** The execution that it stopped. */
  readonly stopped?: string;
  /** The version that it wrote. */
  readonly wrote?: string;
}

/** Something that a person did, which took effect. */
export interface Act extends Effect {
  readonly step: number;
  readonly what: string;
  /** AWSCURRENT or AWSPREVIOUS went to another version. A cancel, or another version's label, excuses nothing. */
  readonly labels: boolean;
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
  /** A person does something: what breaks at that instant is theirs. Nothing is noted when it was refused. */
  byHand(what: string, effect: Effect, run: () => Promise<void> | void): Promise<void>;
  onCall(call: InterceptedCall): Promise<void> | undefined;
  /** Looks now: something has happened that is no call. */
  look(where: string): void;
}

interface Watched {
  readonly secretArn: string;
  readonly overlap: boolean;
  readonly dependents: readonly Dependent[];
}

const FUNCTIONS = /^(rotate|roll-back)/;
const WRITES = /^(Put|Update|Rotate|Create|Delete|Restore)/;

/** Looks after each call of the account, and at each change of the target, whether what is promised of every instant holds. */
export function startWatch(arena: Arena, { secretArn, overlap, dependents }: Watched): Watch {
  const { target } = arena;
  const violations = new Set<string>();
  const trace: string[] = [];
  const acts: Act[] = [];
  const values = new Map<string, Login>();
  const executions = watchExecutions(arena, secretArn, {
    now,
    say: (line) => void trace.push(line),
    violate: (what) => void violations.add(what),
  });
  let step = 0;
  let hand = false;
  let wasOpen = true;
  let wasCurrentOpen = true;
  let meddled = -1;
  let changed = -1;
  /** A person has given the target a password that is not AWSCURRENT's. */
  let isTheirs = false;
  /** When a function last asked for the secret. */
  let looked = -1;

  target.onChange = ({ before, after, versionId }) => {
    trace.push(
      `    target: ${before.length} -> ${after.length} passwords, for ${versionId?.slice(0, 8) ?? "a person"}`,
    );
    sample("a change of the target");
  };

  const watch: Watch = {
    violations,
    trace,
    seen: executions.seen,
    acts,
    now,
    credentialOf,
    async byHand(what, effect, run) {
      if (target.refresh !== undefined) await target.refresh();
      sample(what);
      step += 1;
      hand = true;
      const [before, doors] = [labelsNow(), target.doors()];
      try {
        const done = run();
        if (done instanceof Promise) await done;
        if (target.refresh !== undefined) await target.refresh();
        trace.push(`* ${what}`);
        if (effect.begins) return;
        // A password that was the same before.
        if (effect.target && effect.wrote === undefined && target.doors() === doors) return;
        const after = labelsNow();
        const labels = [AWSCURRENT, AWSPREVIOUS].some((each) => holderOf(before, each) !== holderOf(after, each));
        acts.push({ step, what, labels, ...effect });
        if (labels) meddled = step;
        if (effect.target) changed = step;
        if (effect.target) isTheirs = !opens(holderOf(after, AWSCURRENT));
      } catch (error) {
        trace.push(`* ${what}: refused, ${(error as Error).name}`);
      } finally {
        sample(what);
        hand = false;
      }
    },
    onCall(call) {
      step += 1;
      if (call.phase === "before") trace.push(lineOf(call, step));
      executions.onCall(call, step);
      if (call.service === "secretsmanager" && FUNCTIONS.test(call.caller ?? "")) looked = step;
      // While it can be read: a person may delete the secret.
      if (call.phase === "after" && call.operation === "PutSecretValue") credentialOf(tokenOf(call));
      if (target.refresh !== undefined) return confirm(`${call.caller} ${call.operation}`);
      // Labels change by a write only, and what the target accepts is told.
      if (call.phase === "after" && WRITES.test(call.operation)) sample(`${call.caller} ${call.operation}`);
    },
    look: sample,
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
    // Nobody can know of a label that a person has moved since they last looked.
    const isUnseen = meddled > looked;
    if (!hand && wasOpen && !open && !isUnseen && !(isTheirs && executions.isDiscarding()))
      violations.add(`No labelled version signs in, from step ${step} (${where}) on.`);
    // A set that was on its way when a person moved AWSCURRENT cannot know of it.
    if (
      !hand &&
      overlap &&
      wasCurrentOpen &&
      !currentOpen &&
      meddled < executions.setting() &&
      !executions.isProofOutdated(changed)
    ) {
      violations.add(`AWSCURRENT does not sign in, though the scheme has overlap, from step ${step} (${where}) on.`);
    }
    // With one credential the door is the candidate's, or that of the version which is put back, and nobody else's. Which these are, a
    // person may have changed by a label.
    if (!hand && !overlap && wasCurrentOpen && !currentOpen && open && meddled < 0) {
      const strangers = Object.keys(labels).filter((id) => opens(id) && !executions.isOfRotation(id));
      if (strangers.length > 0) violations.add(`A version of no rotation signs in, from step ${step} (${where}) on.`);
    }
    wasOpen = open;
    wasCurrentOpen = currentOpen;
  }

  /** Where the target has to be asked, its answer may be older than the labels: only what stays is believed. */
  async function confirm(where: string): Promise<void> {
    for (let look = 0; look < 3; look += 1) {
      await target.refresh?.();
      if (Object.keys(labelsNow()).some(opens)) break;
    }
    sample(where);
  }
}

function tokenOf({ input }: InterceptedCall): string {
  return String((input as { ClientRequestToken?: string }).ClientRequestToken);
}
