import { randomUUID } from "node:crypto";
import { deriveToken } from "../../core/identity.ts";
import type { LabelTable } from "../../core/outcome.ts";
import { AWSCURRENT, AWSPENDING, AWSPREVIOUS, holderOf, ROTATION_FROZEN } from "../../core/versions/secret.ts";
import type { Dependent } from "../interleavings/dependents.ts";
import type { Scenario } from "../interleavings/scenario.ts";
import { type Login, newPassword } from "../interleavings/target.ts";
import { type FaultArena, faultSecretName } from "./arena.ts";
import type { Model } from "./model.ts";

const RECONCILED_AFTER_MS = 31 * 60_000;

/** One real secret, and the names by which a model knows its versions and passwords. */
export interface ModelWorld {
  readonly start: Model;
  /** Asks for a rotation of AWSCURRENT: another one, or once more for the last. Returns what the version is called; undefined: it was asked for before. */
  rotate(again: boolean): Promise<string | undefined>;
  /** The same, and StopExecution before its so-manieth effect. Reconcile sees to what is left. */
  stop(at: number): Promise<string>;
  move(): Promise<void>;
  /** With the password that works. */
  put(model: Model): Promise<string>;
  changePassword(model: Model, to: "unknown" | "previous"): Promise<string>;
  follow(follows: boolean): void;
  reconcile(): Promise<void>;
  /** In what the real one is not as the model; none: it is. */
  differences(model: Model): readonly string[];
  end(): Promise<void>;
}

export async function openModelWorld(arena: FaultArena): Promise<ModelWorld> {
  const { account, target, clock } = arena;
  const scenario = {
    overlap: false,
    faults: [],
    behaviours: { orders: "reloading" },
    flakySeconds: 1,
  } as unknown as Scenario;
  const logins = await target.begin(scenario, arena);
  const base = randomUUID();
  const ask = (operation: string, input: object) =>
    arena.ask("secretsManager", operation, { SecretId: secretArn, ...input });
  const first = {
    Name: faultSecretName("driven", false),
    ClientRequestToken: base,
    SecretString: JSON.stringify(logins.base),
  };
  const secretArn = String(arena.ask("secretsManager", "CreateSecret", first)["ARN"]);
  const [orders] = (await arena.dependents.begin(secretArn, ["orders"], scenario)) as [Dependent];
  /** Real ids and passwords, and what they are called. */
  const ids = new Map<string, string>([[base, "v0"]]);
  const secrets = new Map([[logins.base.password, "v0"]]);
  const attempts = new Map<string, number>();

  const labels = () => (ask("DescribeSecret", {})["VersionIdsToStages"] ?? {}) as LabelTable;
  const current = () => holderOf(labels(), AWSCURRENT) ?? "";
  const loginOf = (VersionId: string) =>
    JSON.parse(String(ask("GetSecretValue", { VersionId })["SecretString"])) as Login;
  const request = (again: boolean) => {
    const attempt = Math.max(1, (attempts.get(current()) ?? 0) + (again ? 0 : 1));
    attempts.set(current(), attempt);
    const token = deriveToken(secretArn, current(), attempt, "ordinary");
    const isNew = !ids.has(token);
    if (isNew) ids.set(token, `v${ids.size}`);
    const Detail = JSON.stringify({ secretId: secretArn, expectedVersionId: current(), attempt });
    const entry = { EventBusName: arena.deployment.busName, Source: "test", DetailType: "Rotation Requested", Detail };
    arena.ask("events", "PutEvents", { Entries: [entry] });
    return { token, isNew, name: ids.get(token) ?? "" };
  };
  /** The password that Rotor made is called as its version. */
  const learn = (token: string, name: string) => {
    if (token in labels() || holderOf(labels(), AWSCURRENT) === token) secrets.set(loginOf(token).password, name);
  };
  const reconcile = async () => {
    await clock.advance(RECONCILED_AFTER_MS);
    arena.reconcile();
    await account.idle();
  };

  return {
    start: {
      current: "v0",
      previous: undefined,
      passwords: { v0: "v0" },
      accepted: "v0",
      follows: true,
      frozen: false,
    },
    async rotate(again) {
      const { token, isNew, name } = request(again);
      await account.idle();
      learn(token, name);
      return isNew ? name : undefined;
    },
    async stop(at) {
      let effects = 0;
      using _hook = account.intercept(({ phase, caller }) => {
        if (phase !== "before" || caller === undefined) return;
        effects += 1;
        const running = account.states
          .executions()
          .filter(({ status }) => status === "RUNNING")
          .at(-1);
        if (effects < at || running === undefined) return;
        effects = Number.NEGATIVE_INFINITY;
        const { executionArn } = running.record;
        arena.ask("states", "StopExecution", { executionArn, error: "Stopped", cause: "by hand" });
      });
      const { token, name } = request(false);
      await account.idle();
      learn(token, name);
      for (let round = 0; round < 3; round += 1) await reconcile();
      return name;
    },
    async move() {
      const to = holderOf(labels(), AWSPREVIOUS);
      if (to === undefined) return;
      ask("UpdateSecretVersionStage", {
        VersionStage: AWSCURRENT,
        MoveToVersionId: to,
        RemoveFromVersionId: current(),
      });
      await account.idle();
    },
    async put(model) {
      const id = randomUUID();
      const name = `v${ids.size}`;
      ids.set(id, name);
      const [password] = [...secrets].find(([, each]) => each === model.accepted) ?? [];
      ask("PutSecretValue", {
        ClientRequestToken: id,
        SecretString: JSON.stringify({ ...loginOf(current()), password }),
      });
      await account.idle();
      return name;
    },
    async changePassword(model, to) {
      const known = model.previous === undefined ? undefined : model.passwords[model.previous];
      const password =
        to === "unknown" || known === undefined ? newPassword() : [...secrets].find(([, each]) => each === known)?.[0];
      const name = secrets.get(password ?? "") ?? `p${secrets.size}`;
      secrets.set(password ?? "", name);
      await target.changeByHand(loginOf(current()), password ?? "");
      return name;
    },
    follow(follows) {
      (orders as { behaviour: Dependent["behaviour"] }).behaviour = follows ? "reloading" : "deaf";
    },
    reconcile,
    differences(model) {
      const now = labels();
      const called = (id: string | undefined) => (id === undefined ? undefined : (ids.get(id) ?? id));
      const [live, before] = [holderOf(now, AWSCURRENT), holderOf(now, AWSPREVIOUS)];
      const accepts = [...secrets]
        .filter(([password]) => target.accepts({ ...loginOf(live ?? ""), password }))
        .map(([, name]) => name);
      const pending = holderOf(now, AWSPENDING);
      const seen: Readonly<Record<string, readonly [unknown, unknown]>> = {
        AWSCURRENT: [called(live), model.current],
        AWSPREVIOUS: [called(before), model.previous],
        "the password in AWSCURRENT": [secrets.get(loginOf(live ?? "").password), model.passwords[model.current]],
        "what the target accepts": [accepts.join(), model.accepted],
        frozen: [holderOf(now, ROTATION_FROZEN) !== undefined, model.frozen],
        "AWSPENDING dangles": [pending !== undefined && pending !== live && !model.frozen, false],
      };
      return Object.entries(seen).flatMap(([what, [real, wanted]]) =>
        real === wanted ? [] : [`${what}: ${real}, not ${wanted}`],
      );
    },
    async end() {
      ask("DeleteSecret", { ForceDeleteWithoutRecovery: true });
      await account.idle();
      await clock.advance(49 * 3_600_000);
      await target.end();
    },
  };
}
