import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pageFiles } from "../../../view/page-files.ts";
import { serveView, type View } from "../../../view/server.ts";
import type { ViewSource } from "../../../view/source.ts";
import type { ExecutionFile, ListPart, Told } from "../../../view/wire.ts";
import { wire } from "../model/wire.ts";

/** The workflow's own definition, as the file has it. */
export const DEFINITION: unknown = JSON.parse(
  readFileSync(join(import.meta.dirname, "../../../statemachines/rotation.asl.json"), "utf8"),
);

/** An exported run of the test's own making. */
export function executionFile(part: Partial<ExecutionFile> = {}): ExecutionFile {
  const arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:orders/db/app-AbCdEf";
  return {
    schema: "rotor.execution/1",
    place: { account: "123456789012", region: "eu-west-1", stage: "local", caller: "tests" },
    readAt: "2026-11-23T02:20:00.000Z",
    run: {
      ...{ name: "rot-0123456789abcdef-made", arn: "arn:aws:states:eu-west-1:123456789012:execution:rotation:made" },
      ...{ status: "FAILED", outcome: "ROLLED_BACK", secret: { name: "orders/db/app", arn } },
      ...{ token: "11111111-2222-5333-8444-555555555555", mode: "driven", redrivenAt: null },
      ...{ startedAt: "2026-11-23T02:00:00.000Z", endedAt: "2026-11-23T02:10:00.000Z" },
    },
    verdict: "Production works: it is back on the old version.",
    told: null,
    actions: [],
    definition: DEFINITION,
    events: wire([1, 0, 0, "ExecutionStarted", { input: "{}" }]),
    ...part,
  };
}

/** What people were told, with this text wherever one can be. */
export function toldEverywhere(text: string): Told {
  const failure = { step: text, name: text, message: text, likelyCause: text };
  const labels = [text];
  return {
    ...{ outcome: text, severity: text, actionRequired: true, summary: text },
    secret: { owner: text, strategy: text },
    state: {
      ...{ production: text, live: text, liveVersionId: text, liveSignedInAt: text },
      ...{ credentialGapMs: 0, newWasLiveMs: 0, frozen: true },
      versions: [{ id: text, before: labels, during: labels, now: labels }],
      truthTable: [{ id: text, labels, signIn: text }],
    },
    ...{ failure, rollbackFailure: { ...failure, step: `again ${text}` } },
    dependents: { items: [{ name: text, before: "unhealthy", after: "weak", restored: "none", seen: text }], more: 1 },
    remarks: [text],
    nextSteps: [{ say: text, command: text }],
    links: { execution: text, secret: text, runbook: text, errorRunbook: text },
  };
}

/** Serves these rows and this run, as they are, until disposed. */
export async function serveSynthetic(
  file: ExecutionFile,
  list: Partial<ListPart> = {},
): Promise<View & AsyncDisposable> {
  const over = new AbortController();
  const idle = (signal: AbortSignal) =>
    new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      else signal.addEventListener("abort", () => resolve());
    });
  const source: ViewSource = {
    readPlace: async () => file.place,
    async *watchList(signal) {
      const nothing = { reading: null, problem: null, more: false, secrets: [], runs: [], gone: [] };
      yield { ...nothing, readAt: file.readAt, ...list };
      await idle(signal);
    },
    readExecution: async () => file,
    async *watchExecution(_name, _after, signal) {
      const { schema: _, place: __, definition: ___, events: ____, ...part } = file;
      yield { event: "part", data: part };
      await idle(signal);
    },
    act: async (name) => ({ done: false, said: [], run: name }),
  };
  const view = await serveView({ source, page: await pageFiles(), signal: over.signal });
  return {
    ...view,
    async [Symbol.asyncDispose]() {
      over.abort();
      await view.ended;
    },
  };
}
