import { randomUUID } from "node:crypto";
import type { Clock } from "../../clock.ts";
import type { InvokeResult } from "../service.ts";
import type { Events } from "./events.ts";
import { CURRENT, isPromoted, PENDING, pendingElsewhere } from "./labels.ts";
import type { RotationRetry } from "./rotation-retry.ts";
import type { Secret } from "./store.ts";
import { putPlaceholder, removePlaceholder } from "./versions.ts";

export interface RotationsOptions {
  readonly clock: Clock;
  readonly events: Events;
  readonly invoke: (functionArn: string, payload: unknown) => Promise<InvokeResult>;
  readonly retry: RotationRetry;
  /** Called for a change of which no event tells. */
  readonly changed: (secret: Secret) => void;
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
  /** What has to be kept of the secret's rotation, if it has one. */
  kept(secret: Secret): KeptRotation | undefined;
  /**
   * Goes on with a rotation of an earlier process as soon as `resumed` says so. A function that ran when that process ended has
   * failed: the attempt is over, and the next one comes as after any failure.
   */
  recover(secret: Secret, kept: KeptRotation, resumed: Promise<boolean>): void;
  /** A version came into being. If it is not the rotation's own, the rotation is abandoned and its AWSPENDING is off. */
  versionCreated(secret: Secret, versionId: string): void;
  idle(): Promise<void>;
  stop(): void;
}

export interface KeptRotation {
  token: string;
  readonly test: boolean;
  /** `failed`: no attempts are left, and the rotation still is not complete. */
  state: "running" | "waiting" | "failed";
  /** Attempts that have failed. */
  failures: number;
  /** When a waiting one is attempted again. */
  retryAt?: number;
}

interface Rotation extends KeptRotation {
  readonly ended: AbortController;
}

const STEPS = ["createSecret", "setSecret", "testSecret", "finishSecret"] as const;
type Step = (typeof STEPS)[number];

/** Rotates as Secrets Manager does: four invocations in order, then the labels decide whether it worked. */
export function createRotations({ clock, events, invoke, retry, changed }: RotationsOptions): Rotations {
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
    for (;;) {
      if (rotation.ended.signal.aborted) return;
      rotation.state = "running";
      events.rotation("RotationStarted", secret, rotation.token);
      const failedStep = await invokeSteps(secret, rotation, STEPS);
      if (rotation.ended.signal.aborted) return;
      if (failedStep === undefined) return succeed(secret, rotation);
      fail(secret, rotation, failureText(secret, failedStep));
      if (!(await isRetried(secret, rotation))) return;
    }
  }

  function fail(secret: Secret, rotation: Rotation, text: string): void {
    rotation.failures++;
    rotation.state = rotation.failures > retry.attempts ? "failed" : "waiting";
    rotation.retryAt = clock.now() + retry.delaySeconds * 1000;
    events.rotation("RotationFailed", secret, rotation.token, text);
  }

  /** Resolves when the next attempt is to begin, or none. */
  async function isRetried(secret: Secret, rotation: Rotation): Promise<boolean> {
    if (rotation.state === "failed") return false;
    const left = (rotation.retryAt ?? 0) - clock.now();
    if (!(await clock.sleep(left, "retry", rotation.ended.signal)) || rotation.ended.signal.aborted) return false;
    try {
      prepareRetry(secret, rotation);
      return true;
    } catch {
      rotation.state = "failed"; // the secret's label or version quota is used up: AWSPENDING has nowhere to go
      return false;
    }
  }

  /** The rotation was running or waiting when an earlier process ended. */
  async function goOn(secret: Secret, rotation: Rotation): Promise<void> {
    if (rotation.ended.signal.aborted) return;
    const lost = `The lambda ${secret.rotationLambdaArn} was lost together with the account's process`;
    if (rotation.test) return endTest(secret, rotation, lost);
    if (rotation.state === "running") fail(secret, rotation, lost);
    if (await isRetried(secret, rotation)) await rotate(secret, rotation);
  }

  async function test(secret: Secret, rotation: Rotation): Promise<void> {
    if (rotation.ended.signal.aborted) return endTest(secret, rotation, undefined);
    events.rotation("TestRotationStarted", secret, rotation.token);
    const failedStep = await invokeSteps(secret, rotation, ["testSecret"]);
    endTest(secret, rotation, failedStep === undefined ? undefined : failureText(secret, failedStep));
  }

  function endTest(secret: Secret, rotation: Rotation, failure: string | undefined): void {
    if (stopped) return;
    removePlaceholder(secret, rotation.token);
    if (rotation.ended.signal.aborted) {
      changed(secret);
      return;
    }
    rotations.delete(secret);
    if (failure === undefined) events.rotation("TestRotationSucceeded", secret, rotation.token);
    else events.rotation("TestRotationFailed", secret, rotation.token, failure);
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
    kept(secret) {
      const rotation = rotations.get(secret);
      if (rotation === undefined) return undefined;
      const { ended, ...kept } = rotation;
      return kept;
    },
    recover(secret, kept, resumed) {
      const rotation: Rotation = { ...kept, ended: new AbortController() };
      rotations.set(secret, rotation);
      if (rotation.state === "failed") return;
      keep(resumed.then((isResumed) => (isResumed ? goOn(secret, rotation) : undefined)));
    },
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
      // They are not forgotten: a journal has to know them.
      for (const { ended } of rotations.values()) ended.abort();
    },
  };
}

function newRotation(token: string, test: boolean): Rotation {
  return { token, test, state: "running", failures: 0, ended: new AbortController() };
}

function failureText(secret: Secret, step: Step): string {
  return `Error when executing lambda ${secret.rotationLambdaArn} during ${step} step`;
}
