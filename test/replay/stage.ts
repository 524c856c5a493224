import { randomUUID } from "node:crypto";
import type { LabelTable } from "../../core/outcome.ts";
import { AWSCURRENT, AWSPREVIOUS, holderOf } from "../../core/versions/secret.ts";
import { uniqueName } from "../support/database.ts";
import { type DependentDouble, startDependent } from "../support/dependent-double.ts";
import { startRotationFunction } from "../support/rotation-function.ts";
import { addAdministrator, gateOf, type World } from "../support/world.ts";
import { firstScene } from "./first-scene.ts";
import type { Recording, Situation, Subject } from "./recording.ts";
import { candidateId, type Ids, STABLE, toLive } from "./stable.ts";
import { type Login, lookAtUsers, setUsers } from "./target.ts";

/** One secret of an account with its policy, target and dependents, which can be put into any situation, again and again. */
export interface Stage extends AsyncDisposable {
  readonly world: World;
  /** Of the secret that is there now: each situation has one of its own, under the same name. */
  ids(): Ids;
  /** Puts everything there. Returns the instant before which nothing on the candidate began, in milliseconds. */
  establish(scene: Scene): Promise<number>;
  /** What is so now. */
  look(): Promise<Situation>;
  /** SecretString of each version, with place-holders. */
  values(): Readonly<Record<string, string>>;
  labels(): LabelTable;
  moveLabel(label: string, to: string | undefined, from: string | undefined): void;
  putVersion(versionId: string, labels: readonly string[]): void;
  /** Makes the target forget whatever the version's user had. */
  changePassword(versionId: string): Promise<void>;
  /** The target accepts the version. */
  accept(versionId: string): Promise<void>;
  dependents(): readonly DependentDouble[];
}

/** What `establish` needs of a recording. All ids are the recording's own. */
export interface Scene extends Pick<Recording, "derived" | "values"> {
  readonly situation: Situation;
  readonly native: boolean;
}

/** The account and its other stages live on when it is disposed. */
export async function openStage(world: World, subject: Subject): Promise<Stage> {
  const { account, database, client } = world;
  const name = uniqueName("test/replayed");
  const user = uniqueName("replayed");
  const { strategy } = subject.policy;
  const administrator =
    strategy === "postgres-alternating-users" ? await addAdministrator(client, database, database) : undefined;
  const served =
    strategy === "lambda" ? await startRotationFunction(account, { name: uniqueName("theirs") }) : undefined;
  const doubles = new Map<string, DependentDouble>();
  let ids: Ids = { ...STABLE, name, user };

  const ask = (operation: string, input: object) =>
    account.secretsManager.operations[operation]?.({ SecretId: name, ...input }) as Record<string, unknown>;
  const secretString = (versionId: string) => String(ask("GetSecretValue", { VersionId: versionId })["SecretString"]);

  const stage: Stage = {
    world,
    ids: () => ids,

    async establish({ situation, values, derived, native }) {
      const created = begin(values[STABLE.base] ?? "", derived);
      ids = { name, user, ...created };
      const own = toLive(situation, ids, 0);
      for (const [versionId, value] of Object.entries(toLive(values, ids, 0))) {
        if (versionId in own.labels && versionId !== ids.base) put(versionId, fill(value), ["SETTING_UP"]);
      }
      const begun = await placeDependents(own);
      if (native) await enableRotation();
      moveAll(own.labels);
      await setUsers(database, own.users, logins());
      for (const [each, { ill }] of Object.entries(own.dependents)) {
        const faults = doubles.get(each)?.faults;
        if (faults !== undefined && ill) faults.health = 503;
      }
      return begun;
    },

    async look() {
      const users = await lookAtUsers(database, logins());
      const dependents = [...doubles.values()].map((each) => {
        return [each.name, { versionId: each.versionId(), ill: each.faults.health !== undefined }] as const;
      });
      return { labels: allLabels(), users, dependents: Object.fromEntries(dependents) };
    },

    values() {
      const filled = Object.keys(allLabels()).map((each) => [each, withPlaceHolders(secretString(each))]);
      return Object.fromEntries(filled);
    },

    labels: () => ask("DescribeSecret", {})["VersionIdsToStages"] as LabelTable,

    moveLabel(label, to, from) {
      const holder = from ?? holderOf(stage.labels(), label);
      ask("UpdateSecretVersionStage", { VersionStage: label, MoveToVersionId: to, RemoveFromVersionId: holder });
    },

    putVersion: (versionId, labels) => put(versionId, newValueLike(secretString(ids.base)), labels),
    changePassword: (versionId) => database.setPassword(logins()[versionId]?.username ?? "", randomUUID()),
    async accept(versionId) {
      const { username, password } = logins()[versionId] ?? {};
      await database.setPassword(username ?? "", password ?? "");
    },
    dependents: () => [...doubles.values()],

    async [Symbol.asyncDispose]() {
      for (const double of doubles.values()) await double[Symbol.asyncDispose]();
      await served?.[Symbol.asyncDispose]();
    },
  };

  await stage.establish({ ...firstScene(subject), native: false });
  await world.addPolicy({
    secretId: name,
    retryAfterRollbackSeconds: 0,
    verify: { intervalSeconds: 5, deadlineSeconds: 10 },
    ...(administrator === undefined ? {} : { administratorSecretId: administrator }),
    ...(served === undefined ? {} : { rotationFunctionArn: served.arn }),
    dependents: [...doubles.values()].map((each) => ({
      name: each.name,
      kind: "http-endpoint",
      application: each.name,
      // A rotation function cannot say who has signed in.
      ...(served === undefined ? {} : { evidence: "weak" as const }),
      target: { refresh: `${each.url}/refresh`, verify: `${each.url}/health`, probe: `${each.url}/probe` },
    })),
    ...subject.policy,
  });
  return stage;

  /** A new secret in place of the one before: everything but name and user is another one. */
  function begin(value: string, derived: Recording["derived"]): Pick<Ids, "arn" | "base" | "older" | "candidate"> {
    if (ids.arn !== STABLE.arn) ask("DeleteSecret", { ForceDeleteWithoutRecovery: true });
    const base = randomUUID();
    const request = { Name: name, ClientRequestToken: base, SecretString: fill(toLive(value, ids, 0)) };
    const arn = String(ask("CreateSecret", request)["ARN"]);
    const candidate = candidateId({ ...(derived && { derived }) }, { arn, base }) ?? randomUUID();
    return { arn, base, older: randomUUID(), candidate };
  }

  function put(versionId: string, SecretString: string, VersionStages: readonly string[]): void {
    ask("PutSecretValue", { ClientRequestToken: versionId, SecretString, VersionStages });
  }

  function fill(value: string): string {
    return value
      .replace("«host»", database.host)
      .replace('"«port»"', String(database.port))
      .replace("«administrator»", administrator ?? "")
      .replace("«password»", `replayed-${randomUUID()}`);
  }

  function withPlaceHolders(value: string): string {
    const login = JSON.parse(value) as Record<string, unknown>;
    const masterarn = login["masterarn"] === undefined ? {} : { masterarn: "«administrator»" };
    return JSON.stringify({ ...login, host: "«host»", port: "«port»", password: "«password»", ...masterarn });
  }

  function newValueLike(value: string): string {
    return JSON.stringify({ ...JSON.parse(value), password: `replayed-${randomUUID()}` });
  }

  /** Those without a label, too. */
  function allLabels(): LabelTable {
    const listed = ask("ListSecretVersionIds", { IncludeDeprecated: true })["Versions"] as readonly {
      readonly VersionId: string;
      readonly VersionStages?: readonly string[];
    }[];
    return Object.fromEntries(listed.map((each) => [each.VersionId, [...(each.VersionStages ?? [])].sort()]));
  }

  function logins(): Readonly<Record<string, Login>> {
    const found = Object.keys(allLabels()).map((each) => [each, JSON.parse(secretString(each)) as Login]);
    return Object.fromEntries(found);
  }

  /** Each signs in with its own version while that one is AWSCURRENT and accepted: those of the base first. */
  async function placeDependents({ dependents, users }: Situation): Promise<number> {
    for (const { faults } of doubles.values()) for (const each of ["refresh", "health"] as const) delete faults[each];
    const versions = new Set([ids.base, ...Object.values(dependents).map(({ versionId }) => versionId)]);
    let begun = Date.now();
    for (const versionId of versions) {
      if (versionId !== ids.base) begun = Math.max(begun, Date.now());
      const username = logins()[versionId]?.username ?? "";
      await setUsers(database, { ...users, [username]: { accepts: versionId, comment: null } }, logins());
      if (holderOf(stage.labels(), AWSCURRENT) !== versionId) stage.moveLabel(AWSCURRENT, versionId, undefined);
      const mine = Object.entries(dependents).filter(([, each]) => each.versionId === versionId);
      for (const [each] of mine) await signInAs(each);
      if (versionId === ids.base) begun = Date.now();
    }
    for (const [each, { refresh }] of Object.entries(subject.dependents)) {
      const faults = doubles.get(each)?.faults;
      if (faults !== undefined && refresh !== undefined) faults.refresh = refresh;
    }
    return begun;
  }

  async function signInAs(dependent: string): Promise<void> {
    const double = doubles.get(dependent);
    if (double === undefined) {
      const { mode } = subject.dependents[dependent] ?? { mode: "cache" };
      doubles.set(dependent, await startDependent(dependent, name, client, mode));
      return;
    }
    const answer = await fetch(`${double.url}/refresh`, { method: "POST", body: '{"versionId":"any"}' });
    if (answer.status !== 202) throw new Error(`${dependent} could not sign in: ${answer.status}.`);
  }

  /** Its gate is not asked anything: what it has done is in the situation. */
  async function enableRotation(): Promise<void> {
    using _ = account.intercept(({ service, caller, phase }) =>
      service === "lambda" && caller === "secretsmanager" && phase === "before"
        ? { reply: { StatusCode: 200, ExecutedVersion: "$LATEST", Payload: null } }
        : undefined,
    );
    const RotationLambdaARN = world.deployment().functionArns[gateOf(subject.policy)];
    const RotationRules = { AutomaticallyAfterDays: 30 };
    const ClientRequestToken = randomUUID();
    ask("RotateSecret", { RotationLambdaARN, RotationRules, RotateImmediately: false, ClientRequestToken });
    await account.secretsManager.idle();
  }

  function moveAll(wanted: LabelTable): void {
    const all = new Set([
      AWSCURRENT,
      AWSPREVIOUS,
      ...Object.values(wanted).flat(),
      ...Object.values(stage.labels()).flat(),
    ]);
    for (const label of all) {
      const [now, to] = [holderOf(stage.labels(), label), holderOf(wanted, label)];
      if (now !== to) stage.moveLabel(label, to, now);
    }
  }
}
