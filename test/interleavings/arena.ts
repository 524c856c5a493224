import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FUNCTIONS, type FunctionName } from "../../core/blueprint.ts";
import type { FunctionId } from "../../core/deployed-functions.ts";
import type { PolicyInput } from "../../core/policies.ts";
import { type Account, startAccount } from "../../local/account.ts";
import { bundleFunctions } from "../../local/bundle.ts";
import { type Deployment, deploy } from "../../local/deploy.ts";
import { VirtualClock } from "../../local/virtual-clock.ts";
import { threads } from "../support/threads.ts";
import { type DependentServer, startDependents } from "./dependents.ts";
import { MODES, type RETRY_FORMS, type Scenario, SHAPES } from "./scenario.ts";
import type { Target } from "./target.ts";

/** One account with the project deployed, in which runs follow each other, each with a secret of its own. */
export interface Arena extends AsyncDisposable {
  readonly account: Account;
  readonly deployment: Deployment;
  readonly clock: VirtualClock;
  readonly target: Target;
  readonly dependents: DependentServer;
  /** The rotation function of its secrets. */
  readonly gate: FunctionId;
  /** Invokes reconcile as its schedule does. */
  reconcile(): void;
  /** Calls an operation as somebody in the account does. It is not intercepted, and ends before this returns. @throws AwsError */
  ask(service: "secretsManager" | "states" | "events", operation: string, input: object): Record<string, unknown>;
}

export interface ArenaOptions {
  readonly target: Target;
  readonly retryForm: (typeof RETRY_FORMS)[number];
  readonly bundles: Readonly<Record<string, string>>;
}

/**
 * How long the gate may wait, in milliseconds of real time. A workflow ends within some hundred; what the gate waits for in
 * vain must not hold up ten thousand runs.
 */
const GATE_MS = 3000;

export async function openArena({ target, retryForm, bundles }: ArenaOptions): Promise<Arena> {
  const clock = new VirtualClock({ start: Date.now() });
  const rotation = retryForm === null ? { attempts: 0 } : { attempts: 2, delaySeconds: 60, form: retryForm };
  const account = await startAccount({ clock, rotation, threads });
  const dependents = await startDependents(account, target);
  const define: Account["lambda"]["define"] = (fn) =>
    account.lambda.define({ ...fn, timeoutMs: fn.name === "gate" ? GATE_MS : fn.timeoutMs });
  const place = { ...account, lambda: { ...account.lambda, define } };
  const deployment = await deploy(place, {
    config: policies(target, dependents.url),
    bundles,
    environment: {
      gate: { GATE_FIRST_PAUSE_MS: "20", TARGET_TIMEOUT_MS: "2000" },
      rotate: { TARGET_TIMEOUT_MS: "2000" },
      "roll-back": { CONFIRM_PAUSE_MS: "1", TARGET_TIMEOUT_MS: "2000" },
    },
  });
  // It is run where a scenario says so, and at the end.
  await account.events.operations["DisableRule"]?.({ Name: "reconcile" });
  return {
    account,
    deployment,
    clock,
    target,
    dependents,
    gate: "gate",
    ...handsOn(account, clock),
    async [Symbol.asyncDispose]() {
      await account.close();
      await dependents[Symbol.asyncDispose]();
    },
  };
}

/** What somebody in the account can do. */
export function handsOn(account: Account, clock: VirtualClock): Pick<Arena, "ask" | "reconcile"> {
  return {
    ask: (service, operation, input) => {
      const run = account[service].operations[operation];
      if (run === undefined) throw new Error(`The account's ${service} has no ${operation}.`);
      return run(input) as Record<string, unknown>;
    },
    reconcile() {
      const time = `${new Date(clock.now()).toISOString().slice(0, 19)}Z`;
      const invocation = { FunctionName: "reconcile", InvocationType: "Event", Payload: { time } };
      void account.lambda.operations["Invoke"]?.(invocation);
    },
  };
}

/** The name of the secret, and so its policy, that a scenario is played with. */
export function secretNameOf({ mode, overlap, shape }: Pick<Scenario, "mode" | "overlap" | "shape">): string {
  return `interleaved/${mode}-${overlap ? "overlap" : "single"}-${shape}`;
}

/** Who depends on the secret, in a shape. */
export function dependentsOf(shape: Scenario["shape"]): readonly string[] {
  return { alone: [], followed: ["orders", "reports"], kept: ["orders"] }[shape];
}

/** The functions, bundled with the fake strategies besides the real ones; gone when disposed. */
export async function bundleWithFakes(): Promise<
  AsyncDisposable & { readonly files: Readonly<Record<string, string>> }
> {
  const path = (file: string) => new URL(`../../${file}`, import.meta.url).pathname;
  const names = Object.keys(FUNCTIONS) as FunctionName[];
  const outdir = await mkdtemp(join(tmpdir(), "rotor-interleavings-"));
  const files = await bundleFunctions({
    outdir,
    entries: Object.fromEntries(names.map((name) => [name, path(FUNCTIONS[name].file)])),
    configPath: path("rotation.config.ts"),
    replacements: {
      [path("core/strategies/index.ts")]: path("test/support/fake-strategies.ts"),
      [path("core/reconcile/pace.ts")]: path("test/support/no-pace.ts"),
    },
  });
  return { files, [Symbol.asyncDispose]: () => rm(outdir, { recursive: true, force: true }) };
}

/** One for each kind of scenario. `url`: where the dependents are. */
export function policies({ strategies, administrator }: Target, url: string): readonly PolicyInput[] {
  return MODES.flatMap((mode) =>
    SHAPES.flatMap((shape) =>
      [false, true].flatMap((overlap): PolicyInput | [] => {
        const strategy = overlap ? strategies.overlap : strategies.single;
        if (strategy === undefined) return [];
        const secretId = secretNameOf({ mode, shape, overlap });
        return {
          secretId,
          mode,
          strategy,
          ...(overlap && administrator !== undefined ? { administratorSecretId: administrator } : {}),
          whenUnhealthy: shape === "kept" ? "keep-new" : "roll-back",
          soakSeconds: shape === "kept" ? 20 : 0,
          // The account's time runs ahead of the functions': any span but none means "for ever" here.
          retryAfterRollbackSeconds: mode === "native" && shape === "kept" ? 86_400 : 0,
          verify: { intervalSeconds: 2, deadlineSeconds: 6 },
          dependents: dependentsOf(shape).map((name) => ({
            name,
            kind: "http-endpoint",
            application: name,
            required: name !== "reports",
            target: {
              refresh: `${url}/${name}/refresh`,
              verify: `${url}/${name}/health`,
              ...(shape === "followed" ? { probe: `${url}/${name}/probe` } : {}),
            },
          })),
        };
      }),
    ),
  );
}
