import { randomUUID } from "node:crypto";
import type { Clock } from "../../clock.ts";
import type { InvokeResult } from "../service.ts";
import type { Events } from "./events.ts";
import { CURRENT, PENDING } from "./labels.ts";
import type { Secret } from "./store.ts";
import { putPlaceholder, removePlaceholder } from "./versions.ts";

/**
 * When an attempt has failed, and what follows. AWS documents that "the entire rotation process" is retried "multiple
 * times", and neither count nor interval, nor what becomes of the token, nor how long a step is waited for, nor whether
 * CancelRotateSecret ends the retries; code under test has to live with every form.
 */
export interface RotationRetry {
  /** Further attempts after a failure. Default 2. */
  readonly attempts: number;
  /** Seconds before each of them. Default 60. */
  readonly delaySeconds: number;
  /**
   * - `pending-put-back` (default): the same token, and AWSPENDING put back on its version if it was taken off.
   * - `same-token`: the same token, the labels as they are.
   * - `new-token`: a fresh placeholder under a fresh token, and AWSPENDING on it.
   */
  readonly form: "pending-put-back" | "same-token" | "new-token";
  /**
   * What CancelRotateSecret does to the attempt that runs and to those that are left.
   * - `end` (default): no further step and no further attempt.
   * - `go-on`: they go on as if it had not been called; it only turns RotationEnabled off.
   */
  readonly afterCancel: "end" | "go-on";
  /**
   * Seconds after which Secrets Manager gives up waiting for a step: the step has failed then, and its function goes on
   * alongside the retry. Default: it waits until the function has ended.
   */
  readonly stepTimeoutSeconds?: number;
}

export interface RotationsOptions {
  readonly clock: Clock;
  readonly events: Events;
  readonly invoke: (functionArn: string, payload: unknown) => Promise<InvokeResult>;
  readonly retry: RotationRetry;
}

export interface Rotations {
  /** Begins, in the background, the rotation whose placeholder is there already. */
  start(secret: Secret, token: string): void;
  /** Begins, in the background, testSecret alone; the placeholder is gone afterwards. */
  startTest(secret: Secret, token: string): void;
  /** True while an attempt runs or is waited for. */
  isAtWork(secret: Secret): boolean;
  /** True while an attempt runs, or AWSPENDING is on a version that is not AWSCURRENT. */
  isIncomplete(secret: Secret): boolean;
  /** CancelRotateSecret's part: what `afterCancel` says. Labels stay. */
  cancel(secret: Secret): void;
  /** No further step and no further attempt of the secret's rotation; a function that is running goes on. Labels stay. */
  end(secret: Secret): void;
  /** A version came into being. If it is not the rotation's own, the rotation is abandoned and its AWSPENDING is off. */
  versionCreated(secret: Secret, versionId: string): void;
  idle(): Promise<void>;
  stop(): void;
}

interface Rotation {
  token: string;
  readonly test: boolean;
  /** `failed`: no attempts are left, and the rotation still is not complete. */
  state: "running" | "waiting" | "failed";
  readonly ended: AbortController;
}

const STEPS = ["createSecret", "setSecret", "testSecret", "finishSecret"] as const;
type Step = (typeof STEPS)[number];

/** Rotates as Secrets Manager does: four invocations in order, then the labels decide whether it worked. */
export function createRotations({ clock, events, invoke, retry }: RotationsOptions): Rotations {
  const rotations = new Map<Secret, Rotation>();
  const background = new Set<Promise<unknown>>();
  let stopped = false;

  function begin(secret: Secret, rotation: Rotation, run: () => Promise<void>): void {
    end(secret);
    if (stopped) return;
    rotations.set(secret, rotation);
    // The reply to RotateSecret and its API event come first.
    keep(Promise.resolve().then(run));
  }

  function keep(running: Promise<unknown>): void {
    const work: Promise<unknown> = running.finally(() => background.delete(work));
    background.add(work);
  }

  async function rotate(secret: Secret, rotation: Rotation): Promise<void> {
    for (let attempt = 0; ; attempt++) {
      if (rotation.ended.signal.aborted) return;
      rotation.state = "running";
      events.rotation("RotationStarted", secret, rotation.token);
      const failedStep = await invokeSteps(secret, rotation, STEPS);
      if (rotation.ended.signal.aborted) return;
      if (failedStep === undefined) return succeed(secret, rotation);
      events.rotation("RotationFailed", secret, rotation.token, failureText(secret, failedStep));
      if (attempt >= retry.attempts) {
        rotation.state = "failed";
        return;
      }
      rotation.state = "waiting";
      if (!(await clock.sleep(retry.delaySeconds * 1000, "retry", rotation.ended.signal))) return;
      if (rotation.ended.signal.aborted) return;
      try {
        prepareRetry(secret, rotation);
      } catch {
        rotation.state = "failed"; // the secret's label or version quota is used up: AWSPENDING has nowhere to go
        return;
      }
    }
  }

  async function test(secret: Secret, rotation: Rotation): Promise<void> {
    if (rotation.ended.signal.aborted) return removePlaceholder(secret, rotation.token);
    events.rotation("TestRotationStarted", secret, rotation.token);
    const failedStep = await invokeSteps(secret, rotation, ["testSecret"]);
    removePlaceholder(secret, rotation.token);
    if (rotation.ended.signal.aborted) return;
    rotations.delete(secret);
    if (failedStep === undefined) events.rotation("TestRotationSucceeded", secret, rotation.token);
    else events.rotation("TestRotationFailed", secret, rotation.token, failureText(secret, failedStep));
  }

  /** Returns the step that failed. Ends early, and returns nothing, when the rotation is over for another reason. */
  async function invokeSteps(secret: Secret, rotation: Rotation, steps: readonly Step[]): Promise<Step | undefined> {
    const ids = { SecretId: secret.arn, ClientRequestToken: rotation.token, RotationToken: randomUUID() };
    for (const Step of steps) {
      const succeeded = await invokeStep(secret, { Step, ...ids });
      if (rotation.ended.signal.aborted) return undefined;
      if (!succeeded) return Step;
    }
    return rotation.test || isPromoted(secret, rotation.token) ? undefined : "finishSecret";
  }

  /** Whether the function has ended well, and in time. */
  async function invokeStep(secret: Secret, payload: unknown): Promise<boolean> {
    const invoked = invoke(secret.rotationLambdaArn ?? "", payload).then(
      (result) => result.FunctionError === undefined,
      () => false,
    );
    if (retry.stepTimeoutSeconds === undefined) return invoked;
    keep(invoked);
    const answered = new AbortController();
    const givenUp = clock.sleep(retry.stepTimeoutSeconds * 1000, "timeout", answered.signal).then(() => false);
    try {
      return await Promise.race([invoked, givenUp]);
    } finally {
      answered.abort();
    }
  }

  function succeed(secret: Secret, rotation: Rotation): void {
    rotations.delete(secret);
    secret.lastRotated = secret.lastChanged = secret.scheduleFrom = clock.now();
    events.rotation("RotationSucceeded", secret, rotation.token);
  }

  function prepareRetry(secret: Secret, rotation: Rotation): void {
    if (retry.form === "same-token") return;
    if (retry.form === "new-token") rotation.token = randomUUID();
    else if (pendingElsewhere(secret, rotation.token)) return;
    putPlaceholder(secret, rotation.token, clock.now());
  }

  function end(secret: Secret): void {
    rotations.get(secret)?.ended.abort();
    rotations.delete(secret);
  }

  return {
    start(secret, token) {
      const rotation = newRotation(token, false);
      begin(secret, rotation, () => rotate(secret, rotation));
    },
    startTest(secret, token) {
      const rotation = newRotation(token, true);
      begin(secret, rotation, () => test(secret, rotation));
    },
    isAtWork(secret) {
      const rotation = rotations.get(secret);
      return rotation !== undefined && rotation.state !== "failed";
    },
    isIncomplete(secret) {
      const pending = secret.labels.get(PENDING);
      const isRunning = rotations.get(secret)?.state === "running";
      return isRunning || (pending !== undefined && pending !== secret.labels.get(CURRENT));
    },
    cancel(secret) {
      if (retry.afterCancel === "end") end(secret);
    },
    end,
    versionCreated(secret, versionId) {
      const rotation = rotations.get(secret);
      if (rotation === undefined || rotation.test || rotation.token === versionId) return;
      end(secret);
      const isPending = secret.labels.get(PENDING) === rotation.token;
      if (rotation.state === "failed" && !isPending) return; // it was over already
      if (isPending) secret.labels.delete(PENDING);
      events.rotation("RotationAbandoned", secret, rotation.token);
    },
    async idle() {
      while (background.size > 0) await Promise.all(background);
    },
    stop() {
      stopped = true;
      for (const secret of [...rotations.keys()]) end(secret);
    },
  };
}

function newRotation(token: string, test: boolean): Rotation {
  return { token, test, state: "running", ended: new AbortController() };
}

/** AWSCURRENT is on the token's version, and AWSPENDING is there too or nowhere. */
function isPromoted(secret: Secret, token: string): boolean {
  return secret.labels.get(CURRENT) === token && !pendingElsewhere(secret, token);
}

/** AWSPENDING is on a version that is neither this one nor AWSCURRENT. */
function pendingElsewhere(secret: Secret, token: string): boolean {
  const pending = secret.labels.get(PENDING);
  return pending !== undefined && pending !== token && pending !== secret.labels.get(CURRENT);
}

function failureText(secret: Secret, step: Step): string {
  return `Error when executing lambda ${secret.rotationLambdaArn} during ${step} step`;
}
