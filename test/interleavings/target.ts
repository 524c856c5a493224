import { randomBytes } from "node:crypto";
import { type FakeChange, type FakeFault, type FakeTarget, startFakeTarget } from "../support/fake-target.ts";
import type { PlannedFault, Scenario } from "./scenario.ts";

/** The members of a SecretString that say who signs in where. */
export interface Login {
  readonly username: string;
  readonly password: string;
  readonly [key: string]: unknown;
}

/** Of the account: its time, and its secrets. */
export interface Place {
  readonly clock: { now(): number };
  ask(service: "secretsManager", operation: string, input: object): Record<string, unknown>;
}

/** Where the credentials of all runs are used. One run at a time. */
export interface Target extends AsyncDisposable {
  /** `single`: absent where there is none without overlap. */
  readonly strategies: { readonly single?: string; readonly overlap: string };
  /** The name of the secret with which users are changed where there are two. Absent: none is needed. */
  readonly administrator?: string;
  /** Makes the user of a run, and the faults that it is to meet. `older` signs in only with overlap. */
  begin(scenario: Scenario, place: Place): Promise<{ readonly base: Login; readonly older: Login }>;
  /** Everything of the run is gone; no fault is left. */
  end(): Promise<void>;
  /** Takes note of what the target accepts now, where that cannot be known without asking. */
  refresh?(): Promise<void>;
  /** Whether the login opens the door, as of the last refresh. */
  accepts(login: Login): boolean;
  /** All that the run's users accept, as of the last refresh: a text that is the same exactly when they accept the same. */
  doors(): string;
  /** Somebody changes the password that `login`'s user has. `kept`: the old one goes on, where the target can have two. */
  changeByHand(login: Login, password: string, kept?: boolean): Promise<void> | void;
  /** Signs in as a dependent does, and stays. False: refused. */
  signInAs(login: Login, application: string): Promise<boolean> | boolean;
  /** No fault happens from now on. */
  heal(): void;
  /** Told at the instant of each change. Only where `refresh` is absent. */
  onChange: (change: FakeChange) => void;
}

/** The target of runs whose functions ask it without a connection. */
export interface FakeTargetOfRuns extends Target {
  readonly fake: FakeTarget;
}

/** The fake one: it says at every instant, without being asked, what it accepts. */
export async function startFake(now?: () => number): Promise<FakeTargetOfRuns> {
  const fake = await startFakeTarget(now);
  let username = "";

  const target: FakeTargetOfRuns = {
    fake,
    strategies: { single: "fake-single-user", overlap: "fake-dual" },
    onChange: () => {},
    async begin({ overlap, faults }, { clock }) {
      username = `user-${randomBytes(6).toString("hex")}`;
      const login = (password: string): Login => ({ host: fake.host, port: fake.port, username, password });
      const [base, older] = [login(newPassword()), login(newPassword())];
      fake.setPasswords(username, overlap ? [base.password, older.password] : [base.password]);
      fake.onChange = (change) => target.onChange(change);
      fake.fault = plannedFaults(faults, () => clock.now());
      return { base, older };
    },
    async end() {
      target.heal();
      fake.onChange = () => {};
      fake.drop(username);
    },
    accepts: (login) => fake.accepts(login),
    doors: () => JSON.stringify([...fake.passwordsOf(username)].sort()),
    changeByHand: (login, password, kept = false) =>
      fake.setPasswords(login.username, kept ? [login.password, password] : [password]),
    signInAs: (login, application) => fake.openSession(login, application),
    heal: () => {
      fake.fault = () => undefined;
    },
    [Symbol.asyncDispose]: () => fake[Symbol.asyncDispose](),
  };
  return target;
}

export function newPassword(): string {
  return `canary-${randomBytes(12).toString("base64url")}`;
}

function plannedFaults(faults: readonly PlannedFault[], nowMs: () => number) {
  let requests = 0;
  const until = new Map<PlannedFault, number>();
  return (): FakeFault | undefined => {
    const ordinal = requests++;
    return faults.find((fault) => {
      if (ordinal < fault.atRequest) return false;
      if (ordinal < fault.atRequest + fault.times) return true;
      if (!until.has(fault)) until.set(fault, nowMs() + fault.seconds * 1000);
      return nowMs() < (until.get(fault) ?? 0);
    })?.fault;
  };
}
