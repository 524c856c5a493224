import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inject } from "vitest";
import { FUNCTIONS } from "../../core/blueprint.ts";
import { secretsIn } from "../support/leak-secrets.ts";
import { SINKS, type Sink } from "../support/leak-sinks.ts";
import type { LeakWatch } from "../support/leak-watch.ts";
import { findLeaks } from "../support/leaks.ts";
import { bundlePatched, type Patch } from "../support/patched-bundles.ts";
import { startWorld, type TestSecret, type World } from "../support/world.ts";
import { readFilesSince, readProcesses } from "./machine.ts";
import { instrumentation, WITNESS } from "./witness.ts";

interface LabWatch extends LeakWatch {
  /** What functions have put on record themselves. */
  witnessed(kind: "error" | "process"): Promise<string>;
  readonly startedMs: number;
  /** The functions' directory for temporary files. */
  readonly temporary: string;
}

interface LabSink extends Omit<Sink, "read"> {
  read(watch: LabWatch): string | Promise<string>;
}

/** Every place in which a rotation of PostgreSQL may leave a value. */
export const LAB_SINKS = {
  ...SINKS,
  "a thrown error": { read: (watch: LabWatch) => watch.witnessed("error") },
  "a process": {
    read: async (watch: LabWatch) => `${await watch.witnessed("process")}\n${(await readProcesses()).join("\n")}`,
  },
  "a file": {
    read: async ({ startedMs, temporary }: LabWatch) => (await readFilesSince(startedMs, temporary)).join("\n"),
    // Of all programs: also of whoever writes about verifiers.
    hasHashes: true,
  },
} as const satisfies Record<string, LabSink>;

export type LabSinkName = keyof typeof LAB_SINKS;

/** One account in which the functions are deployed with one leak after the other. */
export interface Lab extends AsyncDisposable {
  readonly world: World;
  /** A secret that was not rotated yet, with a dependent. RotationTokens that were given away before count no more. */
  next(): TestSecret;
  /** Deploys the functions with these changes, and no others. */
  deploy(patches: readonly Patch[]): Promise<void>;
  /** Where the secrets of one TestSecret, and the RotationTokens, are seen. */
  leaks(secret: TestSecret): Promise<Readonly<Partial<Record<LabSinkName, readonly string[]>>>>;
}

/** @param rotations how many secrets are made: one more would have all functions deployed anew */
export async function openLab(rotations: number): Promise<Lab> {
  const directory = await mkdtemp(join(tmpdir(), "rotor-leaks-"));
  const temporary = join(directory, "temporary");
  const witness = join(directory, "witness");
  await mkdir(temporary);
  await writeFile(witness, "");
  const startedMs = Date.now();
  const own = await bundlePatched(instrumentation, { outdir: join(directory, "own"), bundles: inject("bundles") });
  // A slow machine is no reason for a rotation to fail here.
  const variables = { TMPDIR: temporary, [WITNESS]: witness, TARGET_TIMEOUT_MS: "5000" };
  const environment = Object.fromEntries(Object.keys(FUNCTIONS).map((name) => [name, variables]));
  const world = await startWorld({ isLeaky: true, bundles: own, environment });
  const subscriber = await subscribe(world);
  const secrets: TestSecret[] = [];
  for (let made = 0; made < rotations; made += 1)
    secrets.push(await world.addSecret({ dependents: { orders: "reload" } }));
  const watch: LabWatch = {
    ...world.leakWatch,
    startedMs,
    temporary,
    async witnessed(kind) {
      const lines = (await readFile(witness, "utf8")).split("\n").filter((line) => line !== "");
      const records = lines.map((line) => JSON.parse(line) as { kind: string; texts: readonly string[] });
      return records.flatMap((record) => (record.kind === kind ? record.texts : [])).join("\n");
    },
  };
  let deployed = 0;
  let tokensBefore = 0;
  return {
    world,
    next() {
      const secret = secrets.pop();
      if (secret === undefined) throw new Error(`The lab was opened for ${rotations} rotations.`);
      tokensBefore = watch.tokens.length;
      return secret;
    },
    async deploy(patches) {
      deployed += 1;
      const outdir = join(directory, String(deployed));
      await world.deployBundles(await bundlePatched(patches, { outdir, bundles: own, instrumentation }));
    },
    leaks({ username }) {
      const values = world.account.secretsManager.everyValue().filter((value) => value.includes(`"${username}"`));
      const secretly = [
        ...values.flatMap(secretsIn),
        ...watch.tokens.slice(tokensBefore),
        world.database.admin.password,
      ];
      return findLeaks(secretly, (sink: LabSink) => sink.read(watch), LAB_SINKS);
    },
    async [Symbol.asyncDispose]() {
      await world[Symbol.asyncDispose]();
      subscriber[Symbol.dispose]();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** Somebody who is told over HTTP of everything on the events topic. */
async function subscribe({ account, deployment }: World): Promise<Disposable> {
  const { events: TopicArn } = deployment().topicArns;
  const server = createServer(async (request, response) => {
    let text = "";
    for await (const chunk of request.setEncoding("utf8")) text += chunk;
    const { Type, Token } = JSON.parse(text) as { Type: string; Token?: string };
    if (Type === "SubscriptionConfirmation") await account.sns.operations["ConfirmSubscription"]?.({ TopicArn, Token });
    response.end();
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const Endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  await account.sns.operations["Subscribe"]?.({ TopicArn, Protocol: "http", Endpoint });
  await account.idle();
  return {
    [Symbol.dispose]() {
      server.close();
      server.closeAllConnections();
    },
  };
}
