import { hasName } from "../core/aws.ts";
import { isRunning, outcomeOf } from "../core/executions.ts";
import { describeSecret } from "../core/versions/secret.ts";
import { ACTIONS, type Action, type ActionName, type ActionReply } from "../view/wire.ts";
import { caughtSession } from "./caught-session.ts";
import { CliError, explain } from "./cli-error.ts";
import type { Command } from "./command.ts";
import { retry } from "./commands/retry.ts";
import { rollBack } from "./commands/roll-back.ts";
import { stop } from "./commands/stop.ts";
import type { Deployment } from "./deployment.ts";
import { EXIT } from "./exit-status.ts";
import { refuse } from "./refuse.ts";
import { refuseRetry } from "./refuse-retry.ts";
import { refuseRollBack } from "./refuse-roll-back.ts";
import { refuseStop } from "./refuse-stop.ts";
import { nextRequest } from "./request.ts";
import type { FoundRun } from "./runs.ts";
import type { Session } from "./session.ts";
import { type Right, ViewRights } from "./view-rights.ts";

/** What can be asked for from a page: commands of the CLI, where the run's state and the credentials allow them. */
export class ViewActions {
  readonly #session: Session;
  readonly #deployment: Deployment;
  readonly #rights: ViewRights;

  constructor(session: Session, deployment: Deployment) {
    this.#session = session;
    this.#deployment = deployment;
    this.#rights = new ViewRights(session.clients, deployment);
  }

  /** @throws RotationError Throttled, ServiceUnavailable */
  async of(found: FoundRun): Promise<readonly Action[]> {
    return await Promise.all(ACTIONS.map((name) => this.#actionOf(name, found)));
  }

  /** Runs the command, where the name that was typed is the secret's. What was refused, or has failed, is said. */
  async act(found: FoundRun, name: ActionName, typed: string): Promise<ActionReply> {
    const run = found.execution.name;
    const { secretName } = found.rotation;
    if (secretName === "" || typed.trim() !== secretName) {
      return { done: false, said: ["That is not the secret's name. Nothing was done."], run };
    }
    const { session, caught } = caughtSession(this.#session, secretName);
    try {
      const { refusal } = await this.#actionOf(name, found);
      if (refusal !== null) return { done: false, said: [refusal, "Nothing was done."], run };
      const status = await COMMAND[name].run(session, { args: [run], options: {} });
      const [asked] = caught.documents.flatMap((document) => document["run"] ?? []);
      return { done: status === EXIT.done, said: caught.said, run: typeof asked === "string" ? asked : run };
    } catch (error) {
      const { message, todo } = explain(error);
      const said = [...caught.said, message, ...(todo === undefined ? [] : [`to do: ${todo}`])];
      return { done: false, said, run };
    }
  }

  async #actionOf(name: ActionName, found: FoundRun): Promise<Action> {
    const action = { name, command: `rotor ${name} ${found.execution.name}` };
    try {
      await this.#refuse(name, found);
    } catch (error) {
      const denied = hasName(error, "AccessDenied");
      if (!denied && !(error instanceof CliError)) throw error;
      return { ...action, refusal: withoutResult(explain(error).message), denied };
    }
    const right = rightFor(name, found);
    if (await this.#rights.has(right, found.rotation.secretArn)) return { ...action, refusal: null, denied: false };
    return { ...action, refusal: `These credentials may not do that: it needs ${this.#nameOf(right)}.`, denied: true };
  }

  /** As the command itself would. @throws CliError with the reason; RotationError AccessDenied, Throttled, ServiceUnavailable */
  async #refuse(name: ActionName, found: FoundRun): Promise<void> {
    const { session } = caughtSession(this.#session, "");
    const { execution, rotation } = found;
    const says = (message: string) => new CliError(EXIT.nothingChanged, message);
    if (name === "stop") return await refuseStop(session, found);
    if (name === "roll-back") {
      await refuseRollBack(session, found);
      if (OWN_MODES.has(rotation.mode)) return;
      throw says(
        `Run ${execution.name} is no rotation of Rotor's own (${rotation.mode}): it is not taken back from here.`,
      );
    }
    await refuseRetry(session, this.#deployment, found);
    if (outcomeOf(execution) === "IGNORED") throw says(`Run ${execution.name} had nothing to do.`);
    if (outcomeOf(execution) === "DIED") return;
    const secret = await describeSecret(session.clients.secretsManager, rotation.secretArn);
    const request = await nextRequest(session, this.#deployment, secret, "ordinary");
    if (request.before !== undefined && isRunning(request.before)) {
      throw says(`Another attempt is at work: ${request.before.name}.`);
    }
    await refuse(session, this.#deployment, request);
  }

  #nameOf(right: Right): string {
    const { busName } = this.#deployment;
    return {
      redrive: "states:RedriveExecution",
      "put events": `events:PutEvents on ${busName}`,
      "move labels": "secretsmanager:UpdateSecretVersionStage on the secret",
    }[right];
  }
}

// --- internal ---

const COMMAND: Readonly<Record<ActionName, Command>> = { retry, "roll-back": rollBack, stop };

const OWN_MODES: ReadonlySet<string> = new Set(["native", "driven"]);

function rightFor(name: ActionName, { execution }: FoundRun): Right {
  if (name === "stop") return "move labels";
  return name === "retry" && outcomeOf(execution) === "DIED" ? "redrive" : "put events";
}

/** That nothing was done is no news where nothing was asked for. */
function withoutResult(message: string): string {
  return message.replace(/ Nothing was (done|asked for)\.$/, "");
}
