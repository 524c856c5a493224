import { randomUUID } from "node:crypto";
import type { Clock } from "../../local/clock.ts";
import type { EmittedEvent } from "../../local/services/secretsmanager/events.ts";
import { createSecretsManager, type SecretsManagerOptions } from "../../local/services/secretsmanager.ts";
import type { InvokeResult } from "../../local/services/service.ts";

export const REGION = "eu-central-1";
export const ACCOUNT = "111122223333";
export const FUNCTION = `arn:aws:lambda:${REGION}:${ACCOUNT}:function:rotate`;

export interface ManualClock extends Clock {
  advance(milliseconds: number): void;
  readonly sleeps: { milliseconds: number; kind: string }[];
}

/** A clock that stands still until `advance`, or, with `immediate`, jumps over every sleep that is no schedule's. */
export function manualClock({ immediate = true } = {}): ManualClock {
  let time = Date.UTC(2030, 0, 15, 10, 30);
  const sleeps: { milliseconds: number; kind: string }[] = [];
  const sleepers = new Set<{ until: number; wake: (elapsed: boolean) => void }>();
  return {
    sleeps,
    now: () => time,
    advance(milliseconds) {
      time += milliseconds;
      for (const sleeper of sleepers) if (sleeper.until <= time) sleeper.wake(true);
    },
    sleep(milliseconds, kind, signal) {
      if (kind !== "schedule") sleeps.push({ milliseconds, kind });
      if (immediate && kind !== "schedule") {
        time += milliseconds;
        return Promise.resolve(true);
      }
      return new Promise((resolve) => {
        const sleeper = { until: time + milliseconds, wake };
        function wake(elapsed: boolean) {
          sleepers.delete(sleeper);
          resolve(elapsed);
        }
        sleepers.add(sleeper);
        signal?.addEventListener("abort", () => wake(false), { once: true });
      });
    },
    track: (work) => work,
  };
}

/** What a rotation function is called with. */
export interface Invocation {
  readonly Step: "createSecret" | "setSecret" | "testSecret" | "finishSecret";
  readonly SecretId: string;
  readonly ClientRequestToken: string;
  readonly RotationToken: string;
}

type Handler = (invocation: Invocation) => unknown;
// biome-ignore lint/suspicious/noExplicitAny: a test reads the reply's members that it knows
type Call = (input: object) => any;
// biome-ignore lint/suspicious/noExplicitAny: a test reads the detail's members that it knows
type ReadEvent = EmittedEvent & { readonly detail: any };

interface HarnessOptions extends Partial<Omit<SecretsManagerOptions, "clock" | "emit">> {
  readonly clock?: ManualClock;
  readonly handler?: Handler;
}

/** A service with its operations at hand, the events it emitted and the invocations it made. */
export function startService({ handler = () => null, clock = manualClock(), ...options }: HarnessOptions = {}) {
  const events: ReadEvent[] = [];
  const invocations: Invocation[] = [];
  let answer = handler;
  const service = createSecretsManager({
    region: REGION,
    accountId: ACCOUNT,
    clock,
    emit: (event) => void events.push(structuredClone(event) as ReadEvent),
    async invoke(_functionArn, payload) {
      const invocation = payload as Invocation;
      invocations.push(invocation);
      return reply(() => answer(invocation));
    },
    ...options,
  });
  const call = (operation: string): Call => service.operations[operation] as Call;
  const named = (names: readonly string[]) => events.filter(({ detail }) => names.includes(detail.eventName));
  return {
    service,
    clock,
    events,
    invocations,
    onInvoke: (next: Handler) => {
      answer = next;
    },
    create: call("CreateSecret"),
    describe: call("DescribeSecret"),
    get: call("GetSecretValue"),
    put: call("PutSecretValue"),
    update: call("UpdateSecret"),
    stage: call("UpdateSecretVersionStage"),
    versions: call("ListSecretVersionIds"),
    list: call("ListSecrets"),
    rotate: call("RotateSecret"),
    cancel: call("CancelRotateSecret"),
    remove: call("DeleteSecret"),
    restore: call("RestoreSecret"),
    batch: call("BatchGetSecretValue"),
    random: call("GetRandomPassword"),
    tag: call("TagResource"),
    untag: call("UntagResource"),
    /** The labels by version, with short names for the versions: {v1: ["AWSCURRENT"]}. */
    labels: (SecretId: string, names: Record<string, string>) => {
      const stages: Record<string, string[]> = call("DescribeSecret")({ SecretId }).VersionIdsToStages ?? {};
      const short = new Map(Object.entries(names).map(([name, id]) => [id, name]));
      return Object.fromEntries(Object.entries(stages).map(([id, labels]) => [short.get(id) ?? id, labels]));
    },
    rotationEvents: () =>
      events.filter(({ detail }) => detail.eventType === "AwsServiceEvent").map((e) => e.detail.eventName),
    labelEvents: () => events.filter(({ detailType }) => detailType === "Secret Label Updated"),
    named,
  };
}

export type Harness = ReturnType<typeof startService>;

/** Secret "db" with its first version v1. */
export function withSecret(options: HarnessOptions = {}) {
  const harness = startService(options);
  const v1 = randomUUID();
  const { ARN } = harness.create({ Name: "db", SecretString: "value-1", ClientRequestToken: v1 });
  harness.events.length = 0;
  return { ...harness, v1, arn: ARN as string };
}

/** A rotation function like AWS's templates: it leaves AWSPENDING on the new AWSCURRENT. */
export function templateHandler(harness: () => Pick<Harness, "put" | "stage" | "describe" | "get">): Handler {
  return ({ Step, SecretId, ClientRequestToken, RotationToken }) => {
    const { put, stage, describe } = harness();
    if (Step === "createSecret") {
      const value = { SecretString: `value of ${ClientRequestToken}`, VersionStages: ["AWSPENDING"] };
      put({ SecretId, ClientRequestToken, RotationToken, ...value });
    }
    if (Step === "finishSecret") {
      const stages: Record<string, string[]> = describe({ SecretId }).VersionIdsToStages;
      const current = Object.keys(stages).find((id) => stages[id]?.includes("AWSCURRENT"));
      const move = { VersionStage: "AWSCURRENT", MoveToVersionId: ClientRequestToken };
      if (current !== ClientRequestToken) stage({ SecretId, ...move, RemoveFromVersionId: current });
    }
    return null;
  };
}

/** The error's name and text, for comparison in one go. */
export function refusal(action: () => unknown): { name: string; message: string } {
  try {
    action();
  } catch (error) {
    if (error instanceof Error) return { name: error.name, message: error.message };
  }
  throw new Error("the call was not refused");
}

/** Runs pending microtasks and one turn of the event loop. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

async function reply(run: () => unknown): Promise<InvokeResult> {
  const answer = { StatusCode: 200, ExecutedVersion: "$LATEST" };
  try {
    return { ...answer, Payload: await run() };
  } catch (error) {
    const Payload = { errorType: "Error", errorMessage: String(error), trace: [] };
    return { ...answer, FunctionError: "Unhandled", Payload };
  }
}
