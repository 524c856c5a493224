import { randomUUID } from "node:crypto";
import { PutEventsCommand } from "@aws-sdk/client-eventbridge";
import { UpdateSecretVersionStageCommand } from "@aws-sdk/client-secrets-manager";
import { RedriveExecutionCommand } from "@aws-sdk/client-sfn";
import { hasName } from "../core/aws.ts";
import { executionArn } from "../core/identity.ts";
import type { Clients } from "./clients.ts";
import type { Deployment } from "./deployment.ts";

/** What an action has to be allowed to do. */
export type Right = "redrive" | "put events" | "move labels";

/** A label that nothing ever gets. */
const PROBE_LABEL = "ROTOR_PROBE";

/**
 * Which rights these credentials have. Each is tried once, by a call that can change nothing whoever makes it: about what cannot exist,
 * or malformed. AWS checks rights first, so that any refusal but that of the right itself says that it is there.
 */
export class ViewRights {
  readonly #clients: Clients;
  readonly #deployment: Deployment;
  readonly #known = new Map<string, Promise<boolean>>();

  constructor(clients: Clients, deployment: Deployment) {
    this.#clients = clients;
    this.#deployment = deployment;
  }

  /** Of labels: those of this secret. Where it could not be tried it is taken to be there: AWS says so when it is used. */
  has(right: Right, secretArn: string): Promise<boolean> {
    const key = right === "move labels" ? `${right} ${secretArn}` : right;
    const known = this.#known.get(key) ?? this.#try(right, secretArn).then(() => true, isElsewise);
    this.#known.set(key, known);
    return known;
  }

  async #try(right: Right, secretArn: string): Promise<void> {
    const { events, secretsManager, sfn } = this.#clients;
    const { stateMachineArn, busName } = this.#deployment;
    switch (right) {
      case "redrive":
        await sfn.send(new RedriveExecutionCommand({ executionArn: executionArn(stateMachineArn, randomUUID()) }));
        break;
      case "put events": {
        const entry = { EventBusName: busName, Source: "rotor.cli", DetailType: "Probe", Detail: "not JSON" };
        const { Entries = [] } = await events.send(new PutEventsCommand({ Entries: [entry] }));
        const { ErrorCode = "", ErrorMessage = "" } = Entries[0] ?? {};
        if (/AccessDenied|NotAuthorized/i.test(ErrorCode)) {
          throw Object.assign(new Error(ErrorMessage), { name: "AccessDeniedException" });
        }
        break;
      }
      case "move labels":
        await secretsManager.send(
          new UpdateSecretVersionStageCommand({
            ...{ SecretId: secretArn, VersionStage: PROBE_LABEL, RemoveFromVersionId: randomUUID() },
          }),
        );
    }
  }
}

// --- internal ---

function isElsewise(error: unknown): boolean {
  return !hasName(error, "AccessDeniedException", "AccessDenied", "NotAuthorizedException");
}
