import { readFileSync } from "node:fs";
import { describe, expect, inject, test } from "vitest";
import { METRICS } from "../../core/blueprint.ts";
import { LONGEST_ALARMS_RUNBOOK } from "../../core/deployment.ts";
import { recordOutcome, recordSweep } from "../../core/metrics.ts";
import { OUTCOMES } from "../../core/outcome.ts";
import { OUTCOME_MODES } from "../../core/outcome-modes.ts";
import { ON_FAILURE } from "../../core/triggers.ts";
import { identityOf, type Measured, measuredBy } from "../support/measured.ts";
import { all, type Graph, one, type Resource } from "./harness/graph.ts";

const graphs = inject("graphs");
const ACCOUNT = "123456789012";
/** What lasts until somebody, or a next sweep, has put it right. Everything else has happened. */
const STATES = ["dead-letters", "heartbeat-missing", "looks-failed", "overdue", "secrets-frozen", "trail-silent"];

describe.each(["dev", "production"] as const)("monitoring of stage %s", (stage) => {
  const graph = graphs[stage];
  const alarms = new Map(
    all(graph, "aws:cloudwatch/metricAlarm:MetricAlarm").map(({ inputs }) => [
      String(inputs.name).replace(`rotor-${stage}-`, ""),
      inputs,
    ]),
  );
  const alarm = (name: string) => alarms.get(name);
  const functionOf = (name: string) => `rotor-${stage}-${name}`;

  test("there is an alarm for each way in which nobody would notice", () => {
    expect([...alarms.keys()].sort()).toEqual([
      ...["dead-letters", "dead-letters-lost", ...(stage === "production" ? ["dead-letters-lost-2"] : [])],
      ...["dispatch-errors", "dispatch-throttles", "executions-aborted", "executions-failed", "executions-timed-out"],
      ...["heartbeat-missing", "invocations-lost", "looks-failed", "notify-errors", "notify-throttles", "overdue"],
      ...["rollback-failed", "secrets-frozen", "trail-silent"],
    ]);
  });

  test("each rings to the topic of alarms, and links to its section of the runbook, which docs/alarms.md has", () => {
    const page = readFileSync(new URL("../../docs/alarms.md", import.meta.url), "utf8");
    for (const [name, { alarmActions, alarmDescription }] of alarms) {
      const section = name.replace(/-\d+$/, "");
      expect(alarmActions, name).toEqual([`arn:aws:sns:eu-west-1:${ACCOUNT}:rotor-${stage}-rotation-alarms`]);
      expect(alarmDescription).toMatch(
        new RegExp(`Runbook: https://runbooks\\.example\\.com/rotor/alarms#${section}$`),
      );
      // CloudWatch's own limit, with the longest runbook that deployment.config may have.
      const says = alarmDescription.replace("https://runbooks.example.com/rotor/alarms", "");
      expect(says.length + LONGEST_ALARMS_RUNBOOK, name).toBeLessThanOrEqual(1024);
      expect(page).toContain(`\n## ${section}\n`);
    }
  });

  // What each section says: test/docs/alarms.test.ts.
  test("docs/alarms.md has no section of an alarm that is not there", () => {
    const page = readFileSync(new URL("../../docs/alarms.md", import.meta.url), "utf8");
    const sections = page.split(/^## /m).slice(1);
    expect(sections.map((each) => each.split("\n")[0]).sort()).toEqual(
      [...alarms.keys()].filter((name) => !/-\d+$/.test(name)).sort(),
    );
  });

  test("only of a state it is said that it is over: what has happened is not over when its alarm is", () => {
    const saidOver = [...alarms].filter(([, { okActions }]) => okActions.length > 0);
    expect(saidOver.map(([name]) => name).sort()).toEqual(STATES);
    for (const [name, { okActions, alarmActions }] of saidOver) expect(okActions, name).toEqual(alarmActions);
  });

  test("each looks at something that is there", () => {
    for (const [name, inputs] of alarms) {
      // CloudWatch's most for an alarm on an expression.
      expect(metricsOf(inputs).length, name).toBeLessThanOrEqual(10);
      for (const metric of metricsOf(inputs))
        expect(isThere(graph, metric), `${name}: ${JSON.stringify(metric)}`).toBe(true);
    }
  });

  test("no alarm makes up values for those that are late, and each sum is of all its metrics", () => {
    for (const [name, { metricQueries = [] }] of alarms) {
      const [sum, ...others] = metricQueries as readonly { id: string; expression?: string }[];
      if (sum === undefined) continue;
      expect(sum.expression, name).toBe(others.map(({ id }) => id).join("+"));
    }
  });

  test("a value that comes minutes late is seen: what has happened is looked for in several periods", () => {
    for (const [name, inputs] of alarms) {
      if (STATES.includes(name)) continue;
      expect(inputs.datapointsToAlarm, name).toBe(1);
      const period = inputs.period ?? inputs.metricQueries[1].metric.period;
      expect(inputs.evaluationPeriods * period, name).toBeGreaterThanOrEqual(600);
      expect(inputs.evaluationPeriods, name).toBeGreaterThan(1);
    }
  });

  test("silence rings only for the heartbeat", () => {
    const silent = [...alarms].filter(([, { treatMissingData }]) => treatMissingData === "breaching");
    expect(silent.map(([name, { comparisonOperator }]) => [name, comparisonOperator])).toEqual([
      ["heartbeat-missing", "LessThanThreshold"],
    ]);
  });

  describe("what the functions measure", () => {
    const outcomes = OUTCOMES.flatMap((outcome) => OUTCOME_MODES.map((mode) => ({ outcome, mode })));
    const record = (outcome: (typeof OUTCOMES)[number], mode: string) =>
      measuredBy(() => recordOutcome({ stage, outcome, mode, durationMs: 1, credentialGapMs: 1, newWasLiveMs: 1 }));
    const sweep = (measured: Partial<Parameters<typeof recordSweep>[0]>) =>
      measuredBy(() =>
        recordSweep({
          ...{ stage, complete: true, oldestOverdueMs: 0, trailSilent: false, frozenSecrets: 0, looksFailed: 0 },
          ...measured,
        }),
      );

    test("is what alarms and dashboard look at, by name and by the value of every dimension, and nothing else is", () => {
      const written = [...outcomes.flatMap(({ outcome, mode }) => record(outcome, mode)), ...sweep({})];
      const seen = [...[...alarms.values()].flatMap(metricsOf), ...shownOf(graph)].filter(
        ({ namespace }) => namespace === METRICS.namespace,
      );
      expect(new Set(seen.map(identityOf))).toEqual(new Set(written.map(identityOf)));
    });

    test.each(outcomes)("rings for ROLLBACK_FAILED, and for no other outcome: $outcome in mode $mode", (each) => {
      const rang = rings(alarm("rollback-failed"), record(each.outcome, each.mode));
      expect(rang).toBe(each.outcome === "ROLLBACK_FAILED");
      expect(metricsOf(alarm("rollback-failed"))).toHaveLength(1);
    });

    test.each([
      ["secrets-frozen", { frozenSecrets: 1 }, { frozenSecrets: 0 }],
      ["looks-failed", { looksFailed: 1 }, { looksFailed: 0 }],
      ["trail-silent", { trailSilent: true }, { trailSilent: false }],
      ["overdue", { oldestOverdueMs: 172_800_000 }, { oldestOverdueMs: 172_799_000 }],
      ["heartbeat-missing", { complete: false }, { complete: true }],
    ])("rings %s for %o, and not for %o", (name, rung, silent) => {
      expect(rings(alarm(name), sweep(rung))).toBe(true);
      expect(rings(alarm(name), sweep(silent))).toBe(false);
    });

    test("rings looks-failed when sweep after sweep has them, and not for one or two that were throttled", () => {
      expect(alarm("looks-failed")).toMatchObject({ period: 900, datapointsToAlarm: 3, evaluationPeriods: 4 });
    });
  });

  test("every rule's lost dead letters are looked at, those of rehearsals for other accounts too", () => {
    const lost = [...alarms].filter(([name]) => name.startsWith("dead-letters-lost"));
    const seen = lost.flatMap(([, inputs]) => metricsOf(inputs)).map(({ dimensions }) => dimensions);
    const rules = all(graph, "aws:cloudwatch/eventRule:EventRule").map(({ inputs: { name, eventBusName } }) => ({
      ...(eventBusName === undefined ? {} : { EventBusName: eventBusName }),
      RuleName: name,
    }));
    const byName = (a: { RuleName?: string }, b: { RuleName?: string }) =>
      (a.RuleName ?? "") < (b.RuleName ?? "") ? -1 : 1;
    expect(seen.toSorted(byName)).toEqual(rules.toSorted(byName));
  });

  test("what Lambda could not put into the queue is looked at for every function that has a destination there", () => {
    const seen = metricsOf(alarm("invocations-lost"));
    expect(seen.map(({ metricName, dimensions }) => [metricName, dimensions["FunctionName"]]).sort()).toEqual(
      ON_FAILURE.functions.map((name) => ["DestinationDeliveryFailures", functionOf(name)]).sort(),
    );
  });

  test("dispatch rings when it goes on failing, notify at once: it may be the only one that knew", () => {
    const errors = (name: string) => ({ metricName: "Errors", dimensions: { FunctionName: functionOf(name) } });
    expect(alarm("dispatch-errors")).toMatchObject({ ...errors("dispatch"), threshold: 3, period: 900 });
    expect(alarm("notify-errors")).toMatchObject({ ...errors("notify"), threshold: 1 });
    expect(alarm("notify-throttles")).toMatchObject({
      ...{ metricName: "Throttles", dimensions: { FunctionName: functionOf("notify") }, threshold: 1 },
    });
  });

  test("the dashboard shows what is there, and failed attempts, executions and dead letters among it; no metric has a secret's name", () => {
    const shown = shownOf(graph);
    for (const metric of shown) expect(isThere(graph, metric), JSON.stringify(metric)).toBe(true);
    const names = shown.map(({ metricName }) => metricName);
    const wanted = ["Errors", "ExecutionsFailed", "ApproximateNumberOfMessagesVisible", "AsyncEventsDropped"];
    expect(names).toEqual(expect.arrayContaining([...wanted, METRICS.sweeps.oldestOverdue]));
    expect(bodyOf(graph)).not.toMatch(/orders|reports|billing/);
  });

  test("a chart of a measure that could be misread says in its title what is in it", () => {
    const titles = chartsOf(graph).map(({ properties: { title, metrics } }) => [metrics[0]?.[1], title]);
    expect(titles).toContainEqual([
      "RotationDuration",
      expect.stringContaining("waits for its window and soak included"),
    ]);
    expect(titles).toContainEqual(["Errors", expect.stringMatching(/not retried.*no throttled/)]);
  });
});

interface Chart {
  readonly type: string;
  readonly properties: {
    readonly title: string;
    readonly metrics: readonly (readonly [namespace: string, metricName: string, ...rest: string[]])[];
  };
}

type Looked = Pick<Measured, "namespace" | "metricName" | "dimensions">;

function bodyOf(graph: Graph): string {
  return one(graph, "aws:cloudwatch/dashboard:Dashboard", "dashboard").inputs.dashboardBody;
}

function chartsOf(graph: Graph): readonly Chart[] {
  return JSON.parse(bodyOf(graph)).widgets.filter(({ type }: Chart) => type === "metric");
}

/** Every metric of every chart. */
function shownOf(graph: Graph): readonly Looked[] {
  return chartsOf(graph).flatMap(({ properties }) =>
    properties.metrics.map(([namespace, metricName, ...rest]) => {
      const pairs = rest.slice(0, -1);
      const dimensions = Object.fromEntries(
        pairs.flatMap((key, index) => (index % 2 === 0 ? [[key, pairs[index + 1] ?? ""]] : [])),
      );
      return { namespace, metricName, dimensions };
    }),
  );
}

function metricsOf(inputs: Resource["inputs"]): readonly Looked[] {
  if (inputs.metricQueries === undefined) return [inputs];
  return inputs.metricQueries.flatMap(({ metric }: { metric?: Looked }) => metric ?? []);
}

/** Whether an alarm on one metric rings for these values, where it needs no more than one. */
function rings(inputs: Resource["inputs"], measured: readonly Measured[]): boolean {
  const [only] = metricsOf(inputs);
  const own = measured.filter((each) => only !== undefined && identityOf(each) === identityOf(only));
  expect(own).toHaveLength(1);
  const value = Number(own[0]?.value);
  return inputs.comparisonOperator === "LessThanThreshold" ? value < inputs.threshold : value >= inputs.threshold;
}

/** Whether somebody writes the metric: AWS for a resource that is in the graph, or a function of ours. */
function isThere(graph: Graph, { namespace, metricName, dimensions }: Looked): boolean {
  const has = (type: string, name: string | undefined) => all(graph, type).some(({ inputs }) => inputs.name === name);
  const { stage } = graph.app;
  switch (namespace) {
    case "AWS/Lambda":
      return has("aws:lambda/function:Function", dimensions["FunctionName"]);
    case "AWS/Events":
      return all(graph, "aws:cloudwatch/eventRule:EventRule").some(
        ({ inputs }) => inputs.name === dimensions["RuleName"] && inputs.eventBusName === dimensions["EventBusName"],
      );
    case "AWS/SQS":
      return has("aws:sqs/queue:Queue", dimensions["QueueName"]);
    case "AWS/States":
      return has("aws:sfn/stateMachine:StateMachine", dimensions["StateMachineArn"]?.split(":").at(-1));
    case METRICS.namespace: {
      const { outcome, mode, ...more } = dimensions;
      const isOf = (metrics: Readonly<Record<string, string>>) => Object.values(metrics).includes(metricName);
      const byStage = JSON.stringify(more) === JSON.stringify({ stage });
      if (!isOf(METRICS.outcomes))
        return byStage && !outcome && !mode && isOf({ ...METRICS.rollbacks, ...METRICS.sweeps });
      return byStage && OUTCOMES.some((each) => each === outcome) && OUTCOME_MODES.some((each) => each === mode);
    }
    default:
      return false;
  }
}
