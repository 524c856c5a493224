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

/** The secret as it was before its last write. */
export function rememberPast(arena: FaultArena, secretArn: string) {
  let described: Record<string, unknown> | undefined;
  /** The version whose value the last write was. */
  let written: unknown;
  return {
    note({ operation, input }: InterceptedCall) {
      written =
        operation === "PutSecretValue" ? (input as { ClientRequestToken?: string }).ClientRequestToken : undefined;
      described = structuredClone(arena.ask("secretsManager", "DescribeSecret", { SecretId: secretArn }));
    },
    /** undefined: nothing was written yet, so that there is no past. */
    reply({ operation, input }: InterceptedCall): Replacement | undefined {
      const { SecretId, VersionId, VersionStage = "AWSCURRENT" } = input as Record<string, string>;
      if (described === undefined || SecretId !== secretArn) return undefined;
      if (operation === "DescribeSecret") return { reply: structuredClone(described) };
      if (operation !== "GetSecretValue") return undefined;
      const labels = described["VersionIdsToStages"] as Readonly<Record<string, readonly string[]>>;
      const known = VersionId ?? Object.keys(labels).find((id) => labels[id]?.includes(VersionStage));
      if (known === undefined || labels[known] === undefined || known === written) {
        throw new AwsError("ResourceNotFoundException", "Secrets Manager can't find the specified secret version.");
      }
      return { reply: arena.ask("secretsManager", "GetSecretValue", { SecretId, VersionId: known }) };
    },
  };
}
