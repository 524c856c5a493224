import { AwsError } from "../../local/services/service.ts";
import type { InterceptedCall, Replacement } from "../../local/wire-calls.ts";
import type { FaultArena } from "./arena.ts";

/** What a call does, for one that comes late. */
export function operationOf(arena: FaultArena, service: string, operation: string) {
  const { account } = arena;
  const all = [account.secretsManager, account.states, account.events, account.sns, account.lambda];
  const run = all.find(({ name }) => name === service)?.operations[operation];
  if (run === undefined) throw new Error(`The account has no ${service}.${operation}.`);
  return run;
}

/** As each service says that it cannot. */
export function unavailable({ service }: InterceptedCall): AwsError {
  const names: Readonly<Record<string, string>> = {
    secretsmanager: "InternalServiceError",
    lambda: "ServiceException",
    sns: "InternalError",
    events: "InternalException",
  };
  return new AwsError(names[service] ?? "InternalFailure", "An error occurred on the server side.", 500);
}

export function throttled({ service }: InterceptedCall): AwsError {
  return new AwsError(service === "lambda" ? "TooManyRequestsException" : "ThrottlingException", "Rate exceeded", 429);
}

/** What Invoke answers when the environment died. */
export function died(): Replacement {
  return {
    reply: {
      StatusCode: 200,
      ExecutedVersion: "$LATEST",
      FunctionError: "Unhandled",
      Payload: {
        errorType: "Runtime.ExitError",
        errorMessage: "RequestId: 0 Error: Runtime exited with error: exit status 1",
      },
    },
  };
}

/** What a read would have been answered: an error, too. */
export type Answer = Replacement | { readonly error: AwsError };

/** The secret as it was before its last write. */
export function rememberPast(arena: FaultArena, secretArn: string) {
  let described: Description | undefined;
  /** The version to which the last write has given its value: before, there may have been an empty one. */
  let written: string | undefined;
  const hasValue = (VersionId: string | undefined) => {
    try {
      arena.ask("secretsManager", "GetSecretValue", { SecretId: secretArn, VersionId });
      return true;
    } catch {
      return false;
    }
  };
  const describe = () => arena.ask("secretsManager", "DescribeSecret", { SecretId: secretArn }) as Description;
  return {
    note({ operation, input }: InterceptedCall) {
      const { ClientRequestToken } = input as { readonly ClientRequestToken?: string };
      written = operation === "PutSecretValue" && !hasValue(ClientRequestToken) ? ClientRequestToken : undefined;
      described = structuredClone(describe());
    },
    /** undefined: nothing was written yet, or the answer is the same by now. */
    answer({ operation, input }: InterceptedCall): Answer | undefined {
      const { SecretId, VersionId, VersionStage = "AWSCURRENT" } = input as Record<string, string>;
      if (described === undefined || SecretId !== secretArn) return undefined;
      const [then, now] = [described.VersionIdsToStages ?? {}, describe().VersionIdsToStages ?? {}];
      if (operation === "DescribeSecret") {
        return textOf(then) === textOf(now) ? undefined : { reply: structuredClone(described) };
      }
      if (operation !== "GetSecretValue") return undefined;
      const holder = (labels: Labels) => Object.keys(labels).find((id) => labels[id]?.includes(VersionStage));
      const [known, present] = VersionId === undefined ? [holder(then), holder(now)] : [VersionId, VersionId];
      if (known === undefined || known === written) {
        if (present === undefined) return undefined;
        const message = "Secrets Manager can't find the specified secret version.";
        return { error: new AwsError("ResourceNotFoundException", message) };
      }
      const labels = then[known] ?? [];
      if (known === present && textOf(labels) === textOf(now[known] ?? [])) return undefined;
      const value = arena.ask("secretsManager", "GetSecretValue", { SecretId, VersionId: known });
      return { reply: { ...value, VersionStages: [...labels] } };
    },
  };
}

type Labels = Readonly<Record<string, readonly string[]>>;

interface Description {
  readonly VersionIdsToStages?: Labels;
}

/** Without the order of labels, which says nothing. */
function textOf(labels: Labels | readonly string[]): string {
  if (Array.isArray(labels)) return [...labels].sort().join();
  const rows = Object.entries(labels as Labels).map(([id, held]) => `${id}: ${textOf(held)}`);
  return rows.sort().join("; ");
}
