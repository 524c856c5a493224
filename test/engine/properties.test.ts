import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { JournalEntry } from "../../local/engine/history.ts";
import { AwsError } from "../../local/services/service.ts";
import { VirtualClock } from "../../local/virtual-clock.ts";
import { call, machine, outline, task, thrown, type Workflow, workflow } from "./harness.ts";
import { violations } from "./invariants.ts";
import { memoryStore } from "./memory-store.ts";

/** What a function does at its n-th call. */
const behaviour = fc.constantFrom("return", "return late", "throw", "refuse", "hang");

/** A chain of states s0, s1, ... with Map and Parallel inside to the given depth. Every state leads to the next one, or to a Catch at the end. */
function chain(depth: number, prefix = "s"): fc.Arbitrary<Record<string, unknown>> {
  const options: fc.Arbitrary<(name: string, next: object) => Record<string, unknown>>[] = [
    fc.record({ retry: fc.boolean(), caught: fc.boolean() }).map(({ retry, caught }) => (_name, next) => {
      const Retry = [{ ErrorEquals: ["States.ALL"], MaxAttempts: 2 }];
      const Catch = [{ ErrorEquals: ["States.ALL"], Next: `${prefix}Caught` }];
      return task("f", { TimeoutSeconds: 5, ...(retry ? { Retry } : {}), ...(caught ? { Catch } : {}), ...next });
    }),
    fc.integer({ min: 0, max: 8 }).map((Seconds) => (_name, next) => ({ Type: "Wait", Seconds, ...next })),
    fc.boolean().map((fails) => (_name, next) => {
      const Output = fails ? "{% $missing %}" : "{% [1, 2, 3] %}";
      return { Type: "Pass", Output, ...next };
    }),
  ];
  if (depth > 0) {
    options.push(
      fc.record({ inner: fc.nat({ max: 999 }), caught: fc.boolean() }).chain(({ inner, caught }) =>
        fc
          .tuple(chain(depth - 1, `${prefix}m${inner}x`), chain(0, `${prefix}m${inner}1x`))
          .map((graphs) => (name, next) => ({
            Type: "Parallel",
            Branches: graphs.map((graph, index) => rename(graph, `${name}b${index}`)),
            ...(caught ? { Catch: [{ ErrorEquals: ["States.ALL"], Next: `${prefix}Caught` }] } : {}),
            ...next,
          })),
      ),

      fc
        .record({ inner: fc.nat({ max: 999 }), limit: fc.integer({ min: 0, max: 3 }), caught: fc.boolean() })
        .chain(({ inner, limit, caught }) =>
          chain(depth - 1, `${prefix}m${inner}x`).map((graph) => (name, next) => ({
            Type: "Map",
            Items: [1, 2, 3, 4],
            MaxConcurrency: limit,
            ItemProcessor: rename(graph, name),
            ...(caught ? { Catch: [{ ErrorEquals: ["States.ALL"], Next: `${prefix}Caught` }] } : {}),
            ...next,
          })),
        ),
    );
  }
  return fc.array(fc.oneof(...options), { minLength: 1, maxLength: 3 }).map((makers) => {
    const states: Record<string, unknown> = {};
    makers.forEach((make, index) => {
      const next = index === makers.length - 1 ? { End: true } : { Next: `${prefix}${index + 1}` };
      states[`${prefix}${index}`] = make(`${prefix}${index}`, next);
    });
    if (JSON.stringify(states).includes(`"${prefix}Caught"`)) states[`${prefix}Caught`] = { Type: "Succeed" };
    return { StartAt: `${prefix}0`, States: states };
  });
}

/** State names are unique in a machine: the states of a Map or a branch get its name in front. */
function rename(graph: Record<string, unknown>, name: string): unknown {
  return JSON.parse(JSON.stringify(graph).replaceAll(/"(s[\dmx]*(?:Caught|\d))"/g, `"${name}_$1"`));
}

/** What a function does at each of its calls, over and over. */
const script = fc.array(behaviour, { minLength: 1, maxLength: 12 });

function functionOf(behaviours: readonly string[]) {
  let count = 0;
  return async () => {
    const does = behaviours[count++ % behaviours.length];
    if (does === "throw") throw thrown("Boom", "on purpose");
    if (does === "refuse") throw new AwsError("TooManyRequestsException", "Rate Exceeded.", 429);
    if (does === "hang") return await new Promise<never>(() => {});
    if (does === "return late") await new Promise((resolve) => setImmediate(resolve));
    return "ok";
  };
}

/** Lets the execution go on until it has ended, and stops it at `stopAfter` milliseconds. */
async function finish({ states, clock }: Workflow, executionArn: string, stopAfter: number | null): Promise<void> {
  const running = () => call<{ status: string }>(states, "DescribeExecution", { executionArn }).status === "RUNNING";
  for (let time = 0; running() && time < 600_000; time += 1000) {
    if (stopAfter !== null && time >= stopAfter) call(states, "StopExecution", { executionArn });
    await clock.advance(1000);
  }
  expect(running()).toBe(false);
}

describe("every history of every machine", () => {
  it("has contiguous ids, points backwards, closes what it opened, and nothing comes after its end", async () => {
    const stop = fc.option(fc.integer({ min: 0, max: 40_000 }), { freq: 3 });
    await fc.assert(
      fc.asyncProperty(chain(2), script, stop, async (graph, behaviours, stopAfter) => {
        const run = workflow({ definition: machineOf(graph), functions: { f: functionOf(behaviours) } });
        const arn = run.start();
        await finish(run, arn, stopAfter);
        const history = run.events(arn);
        expect(violations(history)).toEqual([]);
        expect(run.calls.length).toBeLessThanOrEqual(history.filter(({ type }) => type === "TaskStarted").length);
        await run.clock.advance(60_000);
        expect(run.events(arn)).toHaveLength(history.length);
      }),
      { numRuns: 150 },
    );
  });

  it("goes on from where the process was killed, twice, keeps what was recorded, and is as sound", async () => {
    const kill = fc.double({ min: 0, max: 1, noNaN: true });
    await fc.assert(
      fc.asyncProperty(chain(2), script, script, fc.tuple(kill, kill), async (graph, a, b, kills) => {
        const definition = machineOf(graph);
        const whole = memoryStore();
        const first = workflow({ definition, functions: { f: functionOf(a) }, store: whole });
        const arn = first.start();
        await finish(first, arn, null);
        const [kept] = whole.kept;
        if (kept === undefined) throw new Error("nothing was stored");

        let { entries } = kept;
        for (const part of kills) {
          const before = entries.slice(0, Math.floor(part * entries.length));
          const store = memoryStore([{ record: kept.record, entries: [...before] }]);
          const clock = new VirtualClock({ start: before.at(-1)?.event.timestamp ?? kept.record.startDate });
          const next = workflow({ definition, functions: { f: functionOf(b) }, store, clock });
          next.states.recover();
          await finish(next, arn, null);

          const history = next.events(arn);
          expect(outline(history).slice(0, before.length)).toEqual(before.flatMap(({ event }) => outline([event])));
          expect(violations(history)).toEqual([]);
          expect(JSON.stringify(history.at(-1))).not.toContain("on replay");
          const settled = before.filter(({ event }) => /^Task(Succeeded|Failed|TimedOut)$/.test(event.type)).length;
          const started = history.filter(({ type }) => type === "TaskStarted").length;
          expect(next.calls.length).toBeLessThanOrEqual(started - settled);
          entries = store.kept[0]?.entries ?? [];
          expect(entries.length).toBe(history.length);
        }
      }),
      { numRuns: 150 },
    );
  });
});

describe("a redriven execution", () => {
  it("enters no state twice, keeps what succeeded, survives a crash, and its history is as sound", async () => {
    const redrives = fc.array(fc.option(fc.double({ min: 0, max: 1, noNaN: true })), { minLength: 1, maxLength: 3 });
    const stop = fc.option(fc.integer({ min: 0, max: 20_000 }), { freq: 2 });
    await fc.assert(
      fc.asyncProperty(chain(2), script, script, stop, redrives, async (graph, a, b, stopAfter, crashes) => {
        const definition = machineOf(graph);
        let store = memoryStore();
        let run = workflow({ definition, functions: { f: functionOf(a) }, store });
        const arn = run.start();
        await finish(run, arn, stopAfter);
        for (const [index, crash] of crashes.entries()) {
          if (statusOf(run, arn) === "SUCCEEDED") return;
          const before = run.events(arn);
          call(run.states, "RedriveExecution", { executionArn: arn });
          await finish(run, arn, null);
          if (crash !== null) {
            const all = store.kept[0];
            if (all === undefined) throw new Error("nothing was stored");
            const length = before.length + 1 + Math.floor(crash * (all.entries.length - before.length - 1));
            store = memoryStore([{ record: all.record, entries: all.entries.slice(0, length) }]);
            const start = store.kept[0]?.entries.at(-1)?.event.timestamp ?? 0;
            run = workflow({ definition, functions: { f: functionOf(b) }, store, clock: new VirtualClock({ start }) });
            run.states.recover();
            await finish(run, arn, null);
          }
          const history = run.events(arn);
          expect(outline(history).slice(0, before.length)).toEqual(outline(before));
          expect(violations(history)).toEqual([]);
          expect(JSON.stringify(history.at(-1))).not.toContain("on replay");
          expect(call(run.states, "DescribeExecution", { executionArn: arn })).toMatchObject({
            redriveCount: index + 1,
          });
          expect(reentered(store.kept[0]?.entries ?? [])).toEqual([]);
        }
      }),
      { numRuns: 150 },
    );
  });
});

function statusOf({ states }: Workflow, executionArn: string): string {
  return call<{ status: string }>(states, "DescribeExecution", { executionArn }).status;
}

/** States that a branch entered before it had left the one before, and iterations that did something after they had succeeded. */
function reentered(entries: readonly JournalEntry[]): string[] {
  const inside = new Map<string, string>();
  const succeeded = new Set<string>();
  return entries.flatMap(({ branch, event }) => {
    const problems = succeeded.has(branch) ? [`${event.type} ${event.id} of the finished iteration ${branch}`] : [];
    if (event.type === "MapIterationSucceeded") succeeded.add(branch);
    if (event.type.endsWith("StateExited")) inside.delete(branch);
    if (!event.type.endsWith("StateEntered")) return problems;
    const before = inside.get(branch);
    inside.set(branch, event.type);
    return before === undefined ? problems : [...problems, `${event.type} ${event.id} inside ${before}`];
  });
}

function machineOf(graph: Record<string, unknown>) {
  return machine(String(graph.StartAt), graph.States as Record<string, unknown>);
}
