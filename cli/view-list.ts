import { setTimeout as sleep } from "node:timers/promises";
import { describeExecution, outcomeOf } from "../core/executions.ts";
import { type Policy, policyFor } from "../core/policies.ts";
import type { Secret } from "../core/versions/secret.ts";
import type { ListPart, RunRow, RunStatus, SecretRow } from "../view/wire.ts";
import { listSecrets, readBoard, readBoardRow } from "./board.ts";
import type { Deployment } from "./deployment.ts";
import { Listened } from "./listened.ts";
import { readPolicies } from "./policies.ts";
import { executionNamePrefix, type ListedRun, pageOfRuns, rotationOf } from "./runs.ts";
import { secretRowOf } from "./secret-row.ts";
import type { Session } from "./session.ts";
import { toViewError } from "./view-error.ts";

/** Between two lists of runs, in milliseconds: ListExecutions has a quota of the whole account, which an embedded one has not. */
const AT_AWS_MS = 10_000;
const EMBEDDED_MS = 3000;
/** How often all secrets are read again, and the policies with them: one whose newest run has changed is read at once. */
const SECRETS_MS = 5 * 60_000;
/** Rows that were described are told of in parts of so many. */
const TOLD_AT_ONCE = 10;

/**
 * The list of secrets and runs, read once for whoever looks at it, and while somebody does. Runs are there at once, as they are listed;
 * how those have ended of which the status does not tell, and every secret, follow as they are read.
 */
export class ViewList {
  readonly #session: Session;
  readonly #deployment: Deployment;
  readonly #listened = new Listened((signal) => this.#read(signal));
  readonly #rows = new Map<string, Row>();
  /** What is known of a run beyond its list, by the state in which it was described. */
  readonly #described = new Map<string, { readonly state: string; readonly row: RunRow }>();
  readonly #nameByPrefix = new Map<string, string>();
  readonly #listedSecrets = new Map<string, { readonly listed: Secret; readonly policy: Policy }>();
  readonly #reading = new Map<string, string>();
  readonly #problems = new Map<string, string>();
  /** Secrets whose newest run has changed, by what its name begins with; and the newest run of each. */
  readonly #changed = new Set<string>();
  readonly #newest = new Map<string, string>();
  #undescribed: readonly ListedRun[] = [];
  #sweptAt = Number.NEGATIVE_INFINITY;
  #revision = 0;
  #more = false;
  #readAt = new Date();

  constructor(session: Session, deployment: Deployment) {
    this.#session = session;
    this.#deployment = deployment;
  }

  /** The first part has what is known. Ends with the signal only. */
  async *watch(signal: AbortSignal): AsyncGenerator<ListPart> {
    let seen = 0;
    for await (const _ of this.#listened.listen(signal)) {
      const rows = [...this.#rows.values()].filter(({ revision }) => revision > seen);
      const isFirst = seen === 0;
      seen = this.#revision;
      yield {
        readAt: this.#readAt.toISOString(),
        reading: this.#reading.size === 0 ? null : [...this.#reading.values()].join(", "),
        problem: this.#problems.size === 0 ? null : [...new Set(this.#problems.values())].join(" "),
        more: this.#more,
        secrets: rows.flatMap(({ secret }) => secret ?? []),
        runs: rows.flatMap(({ run }) => run ?? []),
        gone: isFirst ? [] : rows.flatMap(({ gone }) => gone ?? []),
      };
    }
  }

  /** Three readers, of which each waits for AWS alone: what takes minutes holds up nothing that takes a second. */
  async #read(signal: AbortSignal): Promise<void> {
    const pauseMs = this.#deployment.isAws ? AT_AWS_MS : EMBEDDED_MS;
    const names = this.#again(signal, pauseMs, "runs", () => this.#listRuns());
    const ends = this.#again(signal, pauseMs / 10, "outcomes", () => this.#describeRuns(signal));
    const secrets = this.#again(signal, pauseMs / 10, "secrets", () => this.#readSecrets(signal));
    await Promise.all([names, ends, secrets]);
  }

  async #again(signal: AbortSignal, pauseMs: number, what: string, read: () => Promise<void>): Promise<void> {
    while (!signal.aborted) {
      const problem = await read().then(
        () => undefined,
        (error: unknown) => toViewError(error).message,
      );
      this.#reading.delete(what);
      const before = this.#problems.get(what);
      if (problem === undefined) this.#problems.delete(what);
      else this.#problems.set(what, problem);
      if (problem !== before) this.#listened.tell();
      // What AWS has no room for, or refuses, is not asked for at once again.
      const restMs = problem === undefined ? pauseMs : Math.max(pauseMs, 3 * EMBEDDED_MS);
      await sleep(restMs, undefined, { signal }).catch(() => {});
    }
  }

  async #listRuns(): Promise<void> {
    const { stateMachineArn } = this.#deployment;
    if (this.#readAtFirst()) this.#say("runs", "listing runs");
    const { runs, nextToken } = await pageOfRuns(this.#session.clients.sfn, { stateMachineArn });
    this.#more = nextToken !== undefined;
    this.#readAt = new Date();
    const newest = new Map<string, string>();
    const names = new Set<string>();
    for (const run of runs) {
      const name = run.name ?? "";
      names.add(name);
      const prefix = prefixOf(name);
      if (!newest.has(prefix)) newest.set(prefix, `${name} ${stateOf(run)}`);
      this.#putRun(this.#rowOf(run));
    }
    for (const [prefix, state] of newest) {
      if (this.#newest.get(prefix) !== state) this.#changed.add(prefix);
      this.#newest.set(prefix, state);
    }
    for (const [key, { run }] of this.#rows) if (run !== undefined && !names.has(key)) this.#drop(key);
    this.#undescribed = runs.filter((run) => this.#described.get(run.name ?? "")?.state !== stateOf(run));
    this.#reading.delete("runs");
    this.#listened.tell();
  }

  /** Newest first, and again from the newest as soon as they were listed again. */
  async #describeRuns(signal: AbortSignal): Promise<void> {
    const { stateMachineArn } = this.#deployment;
    for (let done = 1; !signal.aborted; done += 1) {
      const [run, ...others] = this.#undescribed;
      if (run === undefined) break;
      this.#undescribed = others;
      this.#say("outcomes", `reading how runs have ended: ${others.length + 1} to go`);
      const name = run.name ?? "";
      const execution = await describeExecution(this.#session.clients.sfn, stateMachineArn, name);
      if (execution !== undefined) {
        const { secretArn, secretName, mode } = rotationOf(execution);
        const prefix = prefixOf(name);
        if (secretName !== "" && executionNamePrefix(secretArn) === prefix) this.#nameByPrefix.set(prefix, secretName);
        const row = {
          ...{ name, secret: this.#nameByPrefix.get(prefix) ?? null, mode: mode === "" ? null : mode },
          ...{ status: execution.status, outcome: outcomeOf(execution) },
          ...{ startedAt: textOf(execution.startedAt), endedAt: textOf(execution.stoppedAt) },
        };
        const state = execution.status === run.status ? stateOf(run) : AHEAD;
        this.#described.set(name, { state, row });
        this.#putRun(row);
      }
      if (others.length === 0) this.#reading.delete("outcomes");
      if (done % TOLD_AT_ONCE === 0 || others.length === 0) this.#listened.tell();
    }
  }

  async #readSecrets(signal: AbortSignal): Promise<void> {
    if (Date.now() - this.#sweptAt >= SECRETS_MS) return await this.#sweep(signal);
    for (const prefix of [...this.#changed]) {
      if (signal.aborted) return;
      this.#changed.delete(prefix);
      const known = [...this.#listedSecrets.values()].find(({ listed }) => executionNamePrefix(listed.arn) === prefix);
      if (known === undefined) continue;
      const [runName] = this.#newest.get(prefix)?.split(" ") ?? [];
      const row = await readBoardRow(this.#session, { ...known, now: new Date(), runName });
      if (row === undefined) this.#drop(known.listed.arn);
      else this.#putSecret(secretRowOf(row));
      this.#listened.tell();
    }
  }

  /** Every secret, with the policies as they are now. */
  async #sweep(signal: AbortSignal): Promise<void> {
    const session = this.#session;
    this.#say("secrets", "listing secrets");
    const all: Secret[] = [];
    for await (const listed of listSecrets(session)) all.push(listed);
    for (const { arn, name } of all) this.#nameByPrefix.set(executionNamePrefix(arn), name);
    this.#nameRuns();
    const policies = await readPolicies(session.clients, this.#deployment);
    this.#listedSecrets.clear();
    for (const listed of all) {
      const policy = policyFor(policies, listed);
      if (policy !== undefined) this.#listedSecrets.set(listed.arn, { listed, policy });
    }
    this.#changed.clear();
    const seen = new Set<string>();
    for await (const row of readBoard(session, policies, { all: false, now: new Date() })) {
      if (signal.aborted) return;
      seen.add(row.secret.arn);
      this.#putSecret(secretRowOf(row));
      this.#say("secrets", `reading secrets: ${seen.size} of ${this.#listedSecrets.size}`);
      if (seen.size % TOLD_AT_ONCE === 0) this.#listened.tell();
    }
    for (const [key, { secret }] of this.#rows) if (secret !== undefined && !seen.has(key)) this.#drop(key);
    this.#sweptAt = Date.now();
    this.#reading.delete("secrets");
    this.#listened.tell();
  }

  #nameRuns(): void {
    for (const { run } of [...this.#rows.values()]) {
      const secret = run === undefined ? undefined : this.#nameByPrefix.get(prefixOf(run.name));
      if (run !== undefined && secret !== undefined) this.#putRun({ ...run, secret });
    }
    this.#listened.tell();
  }

  /** As it was described, where it is as it was then. */
  #rowOf(run: ListedRun): RunRow {
    const { name = "", startDate, stopDate } = run;
    const described = this.#described.get(name);
    if (described?.state === stateOf(run) || described?.state === AHEAD) return described.row;
    const status = (run.status ?? "RUNNING") as RunStatus;
    return {
      ...{ name, secret: this.#nameByPrefix.get(prefixOf(name)) ?? null, mode: described?.row.mode ?? null },
      ...{ status, outcome: status === "SUCCEEDED" || status === "FAILED" ? null : outcomeOf({ status }) },
      ...{ startedAt: textOf(startDate), endedAt: textOf(stopDate) },
    };
  }

  #putRun(run: RunRow): void {
    const secret = run.secret ?? this.#nameByPrefix.get(prefixOf(run.name)) ?? null;
    this.#put(run.name, { run: { ...run, secret } });
  }

  #putSecret(secret: SecretRow): void {
    this.#put(secret.arn, { secret });
  }

  #drop(key: string): void {
    this.#described.delete(key);
    this.#put(key, { gone: key });
  }

  /** What is as it was is told to nobody. */
  #put(key: string, row: Omit<Row, "revision">): void {
    const { revision: _, ...known } = this.#rows.get(key) ?? { revision: 0 };
    if (JSON.stringify(known) === JSON.stringify(row)) return;
    this.#revision += 1;
    this.#rows.set(key, { ...row, revision: this.#revision });
  }

  #say(what: string, text: string): void {
    this.#reading.set(what, text);
  }

  #readAtFirst(): boolean {
    return this.#newest.size === 0;
  }
}

// --- internal ---

/** The state of what was described as other than it was listed: the list may be of the past. It is described until both agree. */
const AHEAD = "ahead of the list";

/** One of the three, and when it became so. */
interface Row {
  readonly secret?: SecretRow;
  readonly run?: RunRow;
  /** What was there, and is not any more. */
  readonly gone?: string;
  readonly revision: number;
}

function prefixOf(runName: string): string {
  return runName.slice(0, executionNamePrefix("").length);
}

/** What of a listed run changes when it has to be described again. */
function stateOf({ status, stopDate, redriveCount = 0 }: ListedRun): string {
  return `${status} ${stopDate?.getTime() ?? ""} ${redriveCount}`;
}

function textOf(date: Date | undefined): string | null {
  return date?.toISOString() ?? null;
}
