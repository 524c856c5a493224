import { randomInt } from "node:crypto";
import { AwsError, type Operation } from "../../local/services/service.ts";

/** A task of a service: starts when the promise is fulfilled, and is stopped by what it gives. */
export type RunTask = () => Promise<() => Promise<void>>;

export interface ServiceOptions {
  readonly cluster: string;
  readonly service: string;
  readonly desiredCount?: number;
  readonly runTask: RunTask;
  /**
   * What ECS does when a task of a deployment does not start. "none": goes on trying. "stop": FAILED. "roll-back": as AWS has been
   * seen to do it, to a deployment with a new id; "roll-back to the same id" as it has been told of, too.
   */
  readonly circuitBreaker?: "none" | "stop" | "roll-back" | "roll-back to the same id";
  /** What AWS says of itself besides, in reasons and errors. */
  readonly text?: string;
}

export interface Deployment {
  readonly id: string;
  readonly createdAt: Date;
  status: "PRIMARY" | "ACTIVE";
  rolloutState: string | undefined;
  rolloutStateReason: string;
  desiredCount: number;
  runningCount: number;
  readonly taskDefinition: string;
}

interface Task {
  readonly taskArn: string;
  readonly startedBy: string;
  readonly stop: () => Promise<void>;
}

/** One service as ECS keeps it. Tests may change it, as others do. */
export interface FakeService {
  readonly serviceName: string;
  readonly serviceArn: string;
  status: "ACTIVE" | "DRAINING" | "INACTIVE";
  controller: "ECS" | "CODE_DEPLOY" | "EXTERNAL";
  desiredCount: number;
  containers: readonly unknown[];
  readonly tags: Map<string, string>;
  deployments: Deployment[];
  tasks: Task[];
  /** How many deployments were forced by UpdateService. */
  forced: number;
  /** Deploys, as a release of somebody else's does. Resolves when that has come to its end. */
  deploy(): Promise<void>;
  /** Stops its tasks. */
  end(): Promise<void>;
}

export interface FakeEcs {
  readonly operations: Readonly<Record<string, Operation>>;
  /** A service with its tasks running. */
  create(options: ServiceOptions): Promise<FakeService>;
  /** Resolves when every deployment has come to its end. */
  settled(): Promise<void>;
}

/** As much of Amazon ECS as a rolling update needs: services, deployments that supersede each other, tasks that really run. */
export function createFakeEcs(account = "arn:aws:ecs:eu-central-1:111122223333"): FakeEcs {
  const services = new Map<string, FakeService>();
  const options = new Map<string, ServiceOptions>();
  const running = new Set<Promise<void>>();

  function begin(service: FakeService): Deployment {
    const { desiredCount } = service;
    const deployment: Deployment = {
      id: `ecs-svc/${randomInt(2 ** 47)}`,
      createdAt: new Date(),
      status: "PRIMARY",
      rolloutState: "IN_PROGRESS",
      rolloutStateReason: "in progress",
      desiredCount,
      runningCount: 0,
      taskDefinition: `${account}:task-definition/${service.serviceName}:7`,
    };
    for (const each of service.deployments) each.status = "ACTIVE";
    service.deployments = [deployment, ...service.deployments];
    return deployment;
  }

  async function rollOut(
    service: FakeService,
    deployment: Deployment,
    { cluster, runTask }: ServiceOptions,
  ): Promise<void> {
    for (let count = 0; count < deployment.desiredCount; count += 1) {
      const stop = await runTask();
      const taskArn = `${account}:task/${cluster}/${randomInt(2 ** 47)}`;
      service.tasks.push({ taskArn, startedBy: deployment.id, stop });
      deployment.runningCount += 1;
    }
    if (deployment.status === "PRIMARY") {
      await stopTasks(service, ({ startedBy }) => startedBy !== deployment.id);
      service.deployments = [deployment];
      deployment.rolloutState = "COMPLETED";
      deployment.rolloutStateReason = `ECS deployment ${deployment.id} completed.`;
    } else {
      await stopTasks(service, ({ startedBy }) => startedBy === deployment.id);
      service.deployments = service.deployments.filter((each) => each !== deployment);
    }
  }

  async function fail(service: FakeService, deployment: Deployment, given: ServiceOptions): Promise<void> {
    const { circuitBreaker = "none", text = "" } = given;
    deployment.rolloutStateReason = `tasks failed to start. ${text}`;
    if (circuitBreaker === "none") return;
    deployment.rolloutState = "FAILED";
    if (circuitBreaker === "stop") return;
    const [, before] = service.deployments;
    if (before === undefined) return;
    deployment.status = "ACTIVE";
    const again = circuitBreaker === "roll-back" ? begin(service) : before;
    again.status = "PRIMARY";
    again.rolloutState = "IN_PROGRESS";
    again.rolloutStateReason = `ECS deployment circuit breaker: rolling back to deploymentId ${before.id}. ${text}`;
  }

  function deploy(service: FakeService, given: ServiceOptions): Promise<void> {
    const deployment = begin(service);
    const done = rollOut(service, deployment, given).catch(() => fail(service, deployment, given));
    running.add(done);
    void done.finally(() => running.delete(done));
    return done;
  }

  function find({ cluster, service }: { cluster: string; service: string }): [FakeService, ServiceOptions] {
    const found = services.get(`${cluster}/${service}`);
    const given = options.get(`${cluster}/${service}`);
    if (found === undefined || given === undefined)
      throw new AwsError("ServiceNotFoundException", "Service not found.");
    return [found, given];
  }

  return {
    create: async (given) => {
      const { cluster, service: serviceName, desiredCount = 1 } = given;
      const service: FakeService = {
        serviceName,
        serviceArn: `${account}:service/${cluster}/${serviceName}`,
        status: "ACTIVE",
        controller: "ECS",
        desiredCount,
        containers: [],
        tags: new Map(),
        deployments: [],
        tasks: [],
        forced: 0,
        deploy: () => deploy(service, given),
        end: () => stopTasks(service, () => true),
      };
      services.set(`${cluster}/${serviceName}`, service);
      options.set(`${cluster}/${serviceName}`, given);
      await rollOut(service, begin(service), given);
      return service;
    },
    settled: async () => {
      await Promise.all(running);
    },
    operations: {
      DescribeServices: ({ cluster, services: [service] }) => {
        const found = services.get(`${cluster}/${service}`);
        if (found === undefined) return { services: [], failures: [{ arn: service, reason: "MISSING" }] };
        const tags = [...found.tags].map(([key, value]) => ({ key, value }));
        const { serviceArn, status, deployments, desiredCount } = found;
        const taskDefinition = deployments[0]?.taskDefinition;
        const deploymentController = { type: found.controller };
        return {
          services: [
            {
              serviceArn,
              serviceName: service,
              status,
              desiredCount,
              deployments,
              taskDefinition,
              tags,
              deploymentController,
            },
          ],
          failures: [],
        };
      },
      DescribeTaskDefinition: ({ taskDefinition }) => {
        const [family, revision] = String(taskDefinition).split("/")[1]?.split(":") ?? [];
        const service = [...services.values()].find(({ serviceName }) => serviceName === family);
        return { taskDefinition: { family, revision: Number(revision), containerDefinitions: service?.containers } };
      },
      TagResource: ({ resourceArn, tags }) => {
        const service = [...services.values()].find(({ serviceArn }) => serviceArn === resourceArn);
        if (service === undefined)
          throw new AwsError("ResourceNotFoundException", "The specified resource was not found.");
        for (const { key, value } of tags) service.tags.set(key, value);
        return {};
      },
      UpdateService: (input) => {
        const [service, given] = find(input);
        if (service.status !== "ACTIVE") {
          throw new AwsError("ServiceNotActiveException", `Service was not ACTIVE. ${given.text ?? ""}`);
        }
        if (input.forceNewDeployment !== true) throw new AwsError("InvalidParameterException", "Nothing would change.");
        service.forced += 1;
        void deploy(service, given);
        return { service: { serviceArn: service.serviceArn } };
      },
      ListTasks: ({ cluster, serviceName, nextToken }) => {
        const [{ tasks }] = find({ cluster, service: serviceName });
        const from = Number(nextToken ?? 0);
        const page = tasks.slice(from, from + PAGE);
        return {
          taskArns: page.map(({ taskArn }) => taskArn),
          ...(from + PAGE < tasks.length ? { nextToken: String(from + PAGE) } : {}),
        };
      },
      DescribeTasks: ({ tasks }) => {
        const all = [...services.values()].flatMap((service) => service.tasks);
        return {
          tasks: all
            .filter(({ taskArn }) => tasks.includes(taskArn))
            .map(({ taskArn, startedBy }) => ({ taskArn, startedBy })),
        };
      },
    },
  };
}

/** Small, so that a service of a few tasks takes several pages. */
const PAGE = 2;

async function stopTasks(service: FakeService, which: (task: Task) => boolean): Promise<void> {
  const stopped = service.tasks.filter(which);
  service.tasks = service.tasks.filter((task) => !stopped.includes(task));
  for (const { stop } of stopped) await stop();
}
