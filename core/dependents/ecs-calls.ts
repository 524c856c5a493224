import { DescribeServicesCommand, ECSClient, type Service } from "@aws-sdk/client-ecs";
import { clientConfiguration } from "../aws.ts";
import { RotationError } from "../errors.ts";
import { type Calls, type Refusals, startCalls } from "./aws-calls.ts";

export interface EcsName {
  readonly cluster: string;
  readonly service: string;
}

let client: ECSClient | undefined;

/** Made when it is first needed: most deployments have no dependent of this kind. */
export function ecs(): ECSClient {
  client ??= new ECSClient(clientConfiguration);
  return client;
}

/** The calls that one look or refresh makes; together they may last `timeoutSeconds`. */
export function startEcsCalls(target: EcsName & { readonly timeoutSeconds: number }, signal: AbortSignal): Calls {
  return startCalls(target.timeoutSeconds, signal, refusalsOf(nameOf(target)));
}

export function nameOf({ cluster, service }: EcsName): string {
  return `ECS service ${cluster}/${service}`;
}

/**
 * The service with its tags and deployments. Only reads.
 * @throws RotationError ConfigurationInvalid: there is none, or its deployments are not made by ECS; what a call throws
 */
export async function describeService(calls: Calls, target: EcsName): Promise<Service> {
  const { cluster, service } = target;
  const { services = [] } = await calls.call(`ecs:DescribeServices on ${nameOf(target)}`, (options) =>
    ecs().send(new DescribeServicesCommand({ cluster, services: [service], include: ["TAGS"] }), options),
  );
  const [found] = services;
  if (found === undefined || found.status === "INACTIVE") {
    throw new RotationError("ConfigurationInvalid", `There is no ${nameOf(target)}.`);
  }
  const controller = found.deploymentController?.type ?? "ECS";
  if (controller === "ECS") return found;
  throw new RotationError(
    "ConfigurationInvalid",
    `The deployments of ${nameOf(target)} are made by ${controller}: ECS forces none there.`,
  );
}

// --- internal ---

function refusalsOf(name: string): Refusals {
  const missing = ["ConfigurationInvalid", `There is no ${name}`] as const;
  const refused = ["ConfigurationInvalid", `ECS refused what was asked of ${name}`] as const;
  return {
    ClusterNotFoundException: missing,
    ServiceNotFoundException: missing,
    ResourceNotFoundException: missing,
    ServiceNotActiveException: ["DependentUnhealthy", `${name} is not active`],
    ClientException: refused,
    InvalidParameterException: refused,
    LimitExceededException: refused,
    PlatformUnknownException: refused,
    PlatformTaskDefinitionIncompatibilityException: refused,
    UnsupportedFeatureException: refused,
    NamespaceNotFoundException: refused,
    UpdateInProgressException: ["TargetUnavailable", `${name} is being updated by somebody else`],
  };
}
