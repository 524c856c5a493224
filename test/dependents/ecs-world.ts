import { randomBytes } from "node:crypto";
import { ecsService } from "../../core/dependents/ecs-service.ts";
import type { Character, DependentWorld, Subject } from "../contracts/dependent.ts";
import { uniqueName } from "../support/database.ts";
import type { FakeEcs, FakeService, ServiceOptions } from "../support/fake-ecs.ts";
import { startClient } from "./aws-clients.ts";
import { startSecretStore } from "./secret-store.ts";

/** Never answered: see silence in ecs-service.test.ts. */
export const SILENT = "silent";

/** ECS services whose tasks are real clients of a real database. `ecs` is shared: each has a cluster of its own. */
export async function startEcsWorld(ecs: FakeEcs): Promise<DependentWorld> {
  const store = await startSecretStore();
  const client = startClient(store);
  const canary = `canary-${randomBytes(6).toString("hex")}`;
  const ends: (() => Promise<void>)[] = [];

  async function create(options: Partial<ServiceOptions> & Pick<ServiceOptions, "runTask">, timeoutSeconds = 10) {
    const name = { cluster: uniqueName("cluster"), service: uniqueName("orders") };
    const service = await ecs.create({ ...name, text: canary, ...options });
    ends.push(() => service.end());
    const target = { ...name, timeoutSeconds };
    return { service, subject: { target, application: name.service }, target };
  }

  const neverStarts = (): Promise<never> => Promise.reject(new Error(canary));

  /** A service that runs, and whose next deployment's tasks do not start. */
  async function stuck(options: Partial<ServiceOptions> = {}, timeoutSeconds = 10) {
    let starts = 0;
    const runTask = async () => (starts++ === 0 ? async () => {} : neverStarts());
    return create({ runTask, ...options }, timeoutSeconds);
  }

  const start: Record<Character, (timeoutSeconds: number) => Promise<Subject>> = {
    honest: async (timeoutSeconds) => {
      const application = uniqueName("honest");
      const runTask = async () => {
        const { close } = await client.takeIntoUse(application);
        return close;
      };
      const { subject, target } = await create({ runTask, desiredCount: 3 }, timeoutSeconds);
      await ecsService.refresh?.(target, store.base, new AbortController().signal);
      await ecs.settled();
      return { ...subject, application };
    },
    failing: async (timeoutSeconds) => (await stuck({}, timeoutSeconds)).subject,
    refusing: async (timeoutSeconds) => {
      const { service, subject } = await stuck({}, timeoutSeconds);
      service.status = "DRAINING";
      return subject;
    },
    silent: async (timeoutSeconds) => ({
      target: { cluster: SILENT, service: "orders", timeoutSeconds },
      application: "orders",
    }),
    liar: async (timeoutSeconds) => {
      const application = uniqueName("liar");
      ends.push(await client.holdBase(application));
      const { subject } = await create({ runTask: async () => async () => {} }, timeoutSeconds);
      return { ...subject, application };
    },
  };

  /** As it is after a refresh for the candidate, with one thing wrong. */
  async function hazard(spoil: (service: FakeService) => void | Promise<void>, options: Partial<ServiceOptions> = {}) {
    const { service, subject, target } = await stuck(options);
    await ecsService.refresh?.(target, store.candidate, new AbortController().signal);
    await ecs.settled();
    await spoil(service);
    return subject;
  }

  return {
    base: store.base,
    candidate: store.candidate,
    canary,
    start: (character, timeoutSeconds) => start[character](timeoutSeconds),
    hazards: async () => ({
      "a deployment that failed": await hazard(() => {}, { circuitBreaker: "stop" }),
      "a deployment that is rolled back": await hazard(() => {}, { circuitBreaker: "roll-back" }),
      "a deployment that is rolled back under the old id": await hazard(() => {}, {
        circuitBreaker: "roll-back to the same id",
      }),
      "a deployment that is not there yet": await hazard((service) => {
        service.deployments = service.deployments.slice(1).map((each) => ({ ...each, status: "PRIMARY" }));
      }),
      "a task that another deployment started": await hazard(complete),
      "tasks of an older deployment that still run": await hazard((service) => {
        complete(service);
        service.tasks = [];
        for (const each of service.deployments.slice(1)) each.runningCount = 1;
      }),
      "fewer tasks than there should be": await hazard((service) => {
        complete(service);
        service.tasks = [];
        Object.assign(service.deployments[0] ?? {}, { desiredCount: 2, runningCount: 1 });
      }),
      "no rollout state, behind a Classic Load Balancer, and too few tasks": await hazard((service) => {
        complete(service);
        service.tasks = [];
        Object.assign(service.deployments[0] ?? {}, { rolloutState: undefined, runningCount: 0 });
      }),
      "deployments that somebody else makes": await hazard((service) => {
        complete(service);
        service.controller = "CODE_DEPLOY";
      }),
      "a service that is gone": await hazard((service) => {
        complete(service);
        service.status = "INACTIVE";
      }),
      "a service that never was": { target: { cluster: "none", service: "none" }, application: "none" },
    }),
    set: store.set,
    promote: store.promote,
    restore: store.restore,
    sessions: store.sessions,
    settled: ecs.settled,
    [Symbol.asyncDispose]: async () => {
      await ecs.settled();
      for (const end of ends.reverse()) await end();
      client[Symbol.dispose]();
      await store[Symbol.asyncDispose]();
    },
  };
}

/** The newest deployment says that it is complete, and the others are gone; the tasks stay as they are. */
function complete(service: FakeService): void {
  for (const each of service.deployments) Object.assign(each, { runningCount: 0 });
  const [newest] = service.deployments;
  Object.assign(newest ?? {}, { rolloutState: "COMPLETED", rolloutStateReason: "completed", runningCount: 1 });
}
