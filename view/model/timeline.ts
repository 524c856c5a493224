import type { Run, Step, StepStatus } from "../../core/history.ts";

/** A stretch of a bar; `from` and `to` in ms since the run's start. */
export interface Segment {
  readonly from: number;
  readonly to: number;
  /** "waiting": the pause before the next try, or until a state that waits goes on. */
  readonly kind: "succeeded" | "failed" | "running" | "cut" | "waiting";
  /** What a pointer is told: "try 2: TargetUnavailable, 1.2 s". */
  readonly says: string;
}

/** One line of the timeline. */
export interface TimelineRow {
  /** Which one it is, while the run goes on, too. */
  readonly key: string;
  readonly label: string;
  /** 0: of the main line. 1: an iteration of a Map. 2: a step of an iteration. */
  readonly depth: 0 | 1 | 2;
  /** Of an iteration the worst of its steps. */
  readonly status: StepStatus;
  readonly tries: number;
  readonly durationMs: number | undefined;
  readonly segments: readonly Segment[];
  /** What is shown of it: its own step, or those of the iteration. */
  readonly steps: readonly Step[];
  /** Whether there are rows below it that are folded or not. */
  readonly inner: number;
}

/** States without a duration of their own, which the graph shows. */
const PASSED: ReadonlySet<string> = new Set(["Choice", "Pass", "Succeed"]);

/**
 * The run line by line: each step of the main line, below a Map each iteration, named by its dependent, as one line, and below that its
 * steps where it is unfolded. Pure.
 *
 * @param unfolded keys of iterations whose steps are shown
 */
export function timelineOf(run: Run, now: Date, unfolded: ReadonlySet<string>): readonly TimelineRow[] {
  const start = run.startedAt?.getTime() ?? 0;
  const at = (date: Date) => date.getTime() - start;
  const inside = groupByMap(run.steps);
  return run.steps.filter(({ iteration, type }) => iteration === undefined && !PASSED.has(type)).flatMap(rowsOf);

  function rowsOf(step: Step): readonly TimelineRow[] {
    const iterations = inside.get(step.name) ?? [];
    const row = stepRow(step, step.name, step.name, 0);
    return [
      { ...row, inner: iterations.length },
      ...iterations.flatMap(([key, steps]) => {
        const shown = steps.filter(({ type }) => !PASSED.has(type));
        const whole = iterationRow(key, shown, step.endedAt === undefined && run.status === "RUNNING");
        if (!unfolded.has(key)) return [whole];
        return [whole, ...shown.map((inner) => stepRow(inner, `${key}/${inner.name}`, inner.name, 2))];
      }),
    ];
  }

  function stepRow(step: Step, key: string, label: string, depth: 0 | 2): TimelineRow {
    const { status, attempts, durationMs } = step;
    return {
      ...{ key, label, depth, status, durationMs, inner: 0 },
      tries: attempts.length,
      segments: attempts.length > 0 ? attemptSegments([step]) : [wholeSegment(step)],
      steps: [step],
    };
  }

  function iterationRow(key: string, steps: readonly Step[], goesOn: boolean): TimelineRow {
    const [first] = steps;
    const ends = steps.map(({ endedAt }) => (endedAt ?? now).getTime());
    const label = first?.iteration?.item ?? `iteration ${first?.iteration?.index ?? 0}`;
    return {
      ...{ key, label, depth: 1 as const, steps },
      status: worstOf(steps, goesOn),
      tries: Math.max(0, ...steps.map(({ attempts }) => attempts.length)),
      durationMs: first && Math.max(0, Math.max(...ends) - first.startedAt.getTime()),
      segments: attemptSegments(steps.filter(({ type }) => type !== "Wait")),
      inner: steps.length,
    };
  }

  /** Tries in the order of their beginnings, and what was waited between them. */
  function attemptSegments(steps: readonly Step[]): readonly Segment[] {
    const tries = steps.flatMap((step) => step.attempts.map((attempt, index) => ({ step, attempt, index })));
    tries.sort((a, b) => a.attempt.startedAt.getTime() - b.attempt.startedAt.getTime());
    const segments: Segment[] = [];
    let end: number | undefined;
    for (const { step, attempt, index } of tries) {
      const from = at(attempt.startedAt);
      if (end !== undefined && from - end > 1) {
        segments.push({ from: end, to: from, kind: "waiting", says: `waited ${Math.round(from - end)} ms` });
      }
      const isOpen = attempt.endedAt === undefined;
      const cut = isOpen && step.endedAt !== undefined;
      const to = at(attempt.endedAt ?? step.endedAt ?? now);
      const kind = attempt.error !== undefined ? "failed" : cut ? "cut" : isOpen ? "running" : "succeeded";
      const name = steps.length > 1 ? `${step.name} ` : "";
      segments.push({ from, to, kind, says: `${name}try ${index + 1}: ${attempt.error ?? SAYS[kind]}` });
      end = to;
    }
    const last = steps.at(-1);
    if (last?.status === "waiting-to-retry" && end !== undefined) {
      segments.push({ from: end, to: at(now), kind: "waiting", says: "waits for the next try" });
    }
    return segments;
  }

  /** Of a state that has no tries. */
  function wholeSegment({ type, status, startedAt, endedAt }: Step): Segment {
    const kind = type === "Wait" ? "waiting" : status === "failed" ? "failed" : "succeeded";
    return { from: at(startedAt), to: at(endedAt ?? now), kind, says: type === "Wait" ? "waited" : status };
  }
}

/**
 * The steps that a row's key means: a state of the main line, an iteration, or a step of one. Empty where it was not entered (yet). Pure.
 */
export function stepsOfKey(run: Run, key: string): readonly Step[] {
  const main = run.steps.filter(({ name, iteration }) => iteration === undefined && name === key);
  if (main.length > 0) return main;
  const iterations = [...groupByMap(run.steps).values()].flat();
  const whole = iterations.find(([each]) => each === key)?.[1];
  if (whole !== undefined) return whole;
  return iterations.flatMap(([each, steps]) => steps.filter(({ name }) => `${each}/${name}` === key));
}

/** How many segments a bar can show: those that lie closer together than that are drawn as one. */
const MOST_SEGMENTS = 120;

/** What can be told apart in a bar of that many ms. Failures stay to be seen. Pure. */
export function visibleSegments(segments: readonly Segment[], totalMs: number): readonly Segment[] {
  if (segments.length <= MOST_SEGMENTS) return segments;
  const least = totalMs / MOST_SEGMENTS;
  const merged: Segment[] = [];
  for (const segment of segments) {
    const last = merged.at(-1);
    if (last === undefined || segment.to - last.from > least) merged.push(segment);
    else {
      const kind = [last, segment].some((each) => each.kind === "failed") ? "failed" : last.kind;
      merged[merged.length - 1] = { ...last, to: segment.to, kind, says: "several tries" };
    }
  }
  return merged;
}

// --- internal ---

const SAYS = { succeeded: "succeeded", running: "is running", cut: "cut short", failed: "failed" } as const;

/** By the name of the Map: its iterations, each with the key of its row. Nested Maps stand below the outermost. */
function groupByMap(steps: readonly Step[]): ReadonlyMap<string, readonly (readonly [string, readonly Step[]])[]> {
  const groups = new Map<string, Map<string, Step[]>>();
  for (const step of steps) {
    if (step.iteration === undefined) continue;
    let outermost = step.iteration;
    while (outermost.outer !== undefined) outermost = outermost.outer;
    const ofMap = groups.get(outermost.map) ?? new Map<string, Step[]>();
    groups.set(outermost.map, ofMap);
    const key = `${outermost.map}/${outermost.index}`;
    const own = ofMap.get(key) ?? [];
    ofMap.set(key, own);
    own.push(step);
  }
  return new Map([...groups].map(([map, ofMap]) => [map, [...ofMap]]));
}

/**
 * A failure that was caught inside an iteration is none of the iteration.
 * @param goesOn whether its Map does: what has waited, or was caught, is not the last of it then
 */
function worstOf(steps: readonly Step[], goesOn: boolean): StepStatus {
  const worst = (["failed", "aborted", "waiting-to-retry", "running"] as const).find((status) =>
    steps.some((step) => step.status === status),
  );
  const last = steps.at(-1);
  if (worst !== undefined || last === undefined) return worst ?? "running";
  return goesOn && (last.type === "Wait" || last.status === "caught") ? "running" : last.status;
}
