import { randomUUID } from "node:crypto";
import { deriveToken } from "../../core/identity.ts";
import { AWSCURRENT, AWSPENDING, holderOf, ROTATION_FROZEN } from "../../core/versions/secret.ts";
import type { Arena } from "./arena.ts";
import type { PlannedAction, Scenario } from "./scenario.ts";
import { type Login, newPassword } from "./target.ts";
import type { Watch } from "./watch.ts";

export interface People {
  /** The first rotation of the run. */
  begin(): Promise<void>;
  act(planned: PlannedAction): Promise<void>;
  /** Every version that a rotation was asked for with, and the one that an observed run begins with. */
  readonly tokens: ReadonlySet<string>;
}

/** What operators and others in the account do, by the operations that AWS gives them. */
export function people(arena: Arena, watch: Watch, secretArn: string, { mode, overlap }: Scenario): People {
  const { deployment } = arena;
  const tokens = new Set<string>();
  const secretsManager = (operation: string, input: object) =>
    arena.ask("secretsManager", operation, { SecretId: secretArn, ...input });

  return {
    tokens,
    begin: () => {
      if (mode === "native") return rotate(randomUUID());
      return mode === "driven" ? request(current(), 1) : rotateElsewhere(0.5, true);
    },
    act,
  };

  async function act({ action, roll }: PlannedAction): Promise<void> {
    switch (action) {
      case "rotate again":
        return rotate(randomUUID());
      case "rotate again with the same token":
        return rotate([...tokens].at(-1) ?? randomUUID());
      case "request":
        return request(current(), 1 + Math.floor(roll * 3), (roll * 10) % 1 < 0.3);
      case "request for a stale version":
        return request(pick(labelled(), roll) ?? randomUUID(), 1);
      case "repeat an event":
        return repeat(roll);
      case "move AWSCURRENT":
        return moveCurrent(roll);
      case "take AWSPENDING off":
        return takePendingOff();
      case "cancel the rotation":
        return void (await watch.byHand("CancelRotateSecret", { cancels: true }, () => {
          secretsManager("CancelRotateSecret", {});
        }));
      case "put a value":
        return putValue(roll);
      case "change the password":
        return changePassword(roll);
      case "stop the execution":
        return stop();
      case "repair":
        return repair(
          pick(
            [...watch.seen.values()].map(({ token }) => token),
            roll,
          ),
        );
      case "unfreeze":
        return unfreeze();
      case "reconcile":
        return arena.reconcile();
      case "somebody rotates":
        return rotateElsewhere(roll);
    }
  }

  async function rotate(ClientRequestToken: string): Promise<void> {
    await watch.byHand(`RotateSecret ${ClientRequestToken.slice(0, 8)}`, {}, () => {
      secretsManager("RotateSecret", {
        ClientRequestToken,
        RotationLambdaARN: deployment.functionArns[arena.gate],
        RotationRules: { AutomaticallyAfterDays: 30 },
      });
      tokens.add(ClientRequestToken);
    });
  }

  async function request(expectedVersionId: string, attempt: number, emergency = false): Promise<void> {
    await watch.byHand(`request ${expectedVersionId.slice(0, 8)} ${attempt}`, {}, () => {
      put("Rotation Requested", { secretId: secretArn, expectedVersionId, attempt, emergency });
      tokens.add(deriveToken(secretArn, expectedVersionId, attempt, emergency ? "emergency" : "ordinary"));
    });
  }

  function put(DetailType: string, detail: object): void {
    const entry = { EventBusName: deployment.busName, Source: "test", DetailType, Detail: JSON.stringify(detail) };
    arena.ask("events", "PutEvents", { Entries: [entry] });
  }

  /** Somebody else's rotation function: the target first, then AWSCURRENT. One in five forgets the target. */
  async function rotateElsewhere(roll: number, begins = false): Promise<void> {
    const login = watch.credentialOf(current());
    if (login === undefined) return;
    const value: Login = { ...login, password: newPassword() };
    const ClientRequestToken = randomUUID();
    const effect = { begins, target: true, wrote: ClientRequestToken };
    if (begins) tokens.add(ClientRequestToken);
    await watch.byHand(`somebody rotates to ${ClientRequestToken.slice(0, 8)}`, effect, async () => {
      if (roll < 0.8) await arena.target.changeByHand(login, value.password, overlap);
      secretsManager("PutSecretValue", { ClientRequestToken, SecretString: JSON.stringify(value) });
    });
  }

  /** An event that has been is delivered once more. */
  async function repeat(roll: number): Promise<void> {
    const all = arena.account.events.seen().filter((event) => JSON.stringify(event.detail).includes(secretArn));
    const event = pick(all, roll);
    if (event === undefined) return;
    const { bus, source, detail, resources } = event;
    await watch.byHand(`repeat ${event["detail-type"]} ${detail["eventName"] ?? ""}`, {}, () => {
      arena.account.events.put({ bus, source, detailType: event["detail-type"], detail, resources });
    });
  }

  async function moveCurrent(roll: number): Promise<void> {
    const from = current();
    const others = labelled().filter((each) => each !== from && watch.credentialOf(each) !== undefined);
    const to = pick(others, roll);
    if (to === undefined) return;
    await watch.byHand(`AWSCURRENT to ${to.slice(0, 8)}`, {}, () => {
      secretsManager("UpdateSecretVersionStage", {
        VersionStage: AWSCURRENT,
        MoveToVersionId: to,
        RemoveFromVersionId: from,
      });
    });
  }

  async function takePendingOff(): Promise<void> {
    const from = holderOf(watch.now().labels, AWSPENDING);
    if (from === undefined) return;
    await watch.byHand(`AWSPENDING off ${from.slice(0, 8)}`, { cancels: true }, () => {
      secretsManager("UpdateSecretVersionStage", { VersionStage: AWSPENDING, RemoveFromVersionId: from });
    });
  }

  /** The password that works, or one that does not, as AWSCURRENT, AWSPENDING or under a label of its own. */
  async function putValue(roll: number): Promise<void> {
    const live = watch.now().opens[0];
    const login = watch.credentialOf(live ?? current());
    if (login === undefined) return;
    const value: Login = roll < 0.5 ? login : { ...login, password: newPassword() };
    const stage = pick([AWSCURRENT, AWSCURRENT, AWSPENDING, "GREEN"], (roll * 2) % 1) ?? AWSCURRENT;
    const ClientRequestToken = randomUUID();
    // Under whatever label: Secrets Manager abandons its rotation when a version is written meanwhile.
    const effect = { wrote: ClientRequestToken, cancels: true };
    await watch.byHand(`PutSecretValue ${ClientRequestToken.slice(0, 8)} ${stage}`, effect, () => {
      secretsManager("PutSecretValue", {
        ClientRequestToken,
        SecretString: JSON.stringify(value),
        VersionStages: [stage],
      });
    });
  }

  /** To one that nobody knows, or to that of some version. */
  async function changePassword(roll: number): Promise<void> {
    const login = watch.credentialOf(current());
    const version = pick(labelled(), (roll * 2) % 1);
    const known = version === undefined ? undefined : watch.credentialOf(version);
    if (login === undefined) return;
    const password = roll < 0.5 || known === undefined ? newPassword() : known.password;
    await watch.byHand(
      `password changed${roll < 0.5 ? "" : ` to that of ${version?.slice(0, 8)}`}`,
      { target: true },
      () => arena.target.changeByHand(login, password),
    );
  }

  async function stop(): Promise<void> {
    const running = arena.account.states.executions().filter(({ status, record }) => {
      return status === "RUNNING" && watch.seen.has(record.name);
    });
    const last = running.at(-1);
    if (last === undefined) return;
    const { executionArn, name } = last.record;
    await watch.byHand(`StopExecution ${name.slice(21)}`, { stopped: name }, () => {
      arena.ask("states", "StopExecution", { executionArn, error: "Stopped", cause: "by hand" });
    });
  }

  async function repair(token: string | undefined): Promise<void> {
    if (token === undefined) return;
    await watch.byHand(`repair of ${token.slice(0, 8)}`, {}, () =>
      put("Repair Requested", { secretId: secretArn, token }),
    );
  }

  async function unfreeze(): Promise<void> {
    const from = holderOf(watch.now().labels, ROTATION_FROZEN);
    if (from === undefined) return;
    await watch.byHand(`unfreeze ${from.slice(0, 8)}`, {}, () => {
      secretsManager("UpdateSecretVersionStage", { VersionStage: ROTATION_FROZEN, RemoveFromVersionId: from });
    });
  }

  function labelled(): readonly string[] {
    return Object.keys(watch.now().labels);
  }

  function current(): string {
    return holderOf(watch.now().labels, AWSCURRENT) ?? "";
  }
}

function pick<T>(values: readonly T[], roll: number): T | undefined {
  return values[Math.floor(roll * values.length)];
}
