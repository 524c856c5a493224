import { FUNCTIONS, type FunctionName, METRICS } from "../../core/blueprint.ts";
import { parseSchedule } from "../../core/schedule.ts";
import { SCHEDULES } from "../../core/triggers.ts";

/** What one rotation that succeeds takes, counted in a run. */
export interface Counted {
  readonly what: string;
  /** State transitions that Step Functions bills: every state entered. */
  readonly transitions: number;
  readonly invocations: Invocations;
  /** Calls of Secrets Manager by Rotor's functions. */
  readonly secretsManagerCalls: number;
  /** What functions and workflow have written to their logs. */
  readonly logBytes: number;
}

/** What one sweep of reconcile takes that finds nothing, counted in a run. */
export interface CountedSweep {
  readonly invocations: Invocations;
  /** Calls of Secrets Manager, by the function that made them. */
  readonly secretsManagerCalls: Invocations;
  /** Secrets that one call of ListSecrets has looked at. */
  readonly secretsPerList: number;
}

/** Of the evaluated stage, and of the lines that functions write. */
export interface Measured {
  readonly alarms: { readonly count: number; readonly metrics: number };
  readonly dashboardMetrics: number;
  /** Metrics of one pair of outcome and mode: those that every outcome has, and all. */
  readonly ofOutcome: { readonly least: number; readonly most: number };
}

type Invocations = Readonly<Partial<Record<FunctionName, number>>>;

/** US dollars, in us-east-1, as known when this was written: https://aws.amazon.com/pricing/ has those of today. */
const PRICES = {
  transition: 0.025 / 1000,
  secretsManagerCall: 0.05 / 10_000,
  invocation: 0.2 / 1_000_000,
  /** arm64, for each gigabyte and second. */
  gigabyteSecond: 0.0000133334,
  event: 1 / 1_000_000,
  email: 2 / 100_000,
  /** Recorded. */
  trace: 5 / 1_000_000,
  /** Of 1024^3 bytes, taken in. */
  logGigabyte: 0.5,
  alarm: 0.1,
  metric: 0.3,
  dashboard: 3,
  secret: 0.4,
  key: 1,
} as const;

/** Billed seconds are assumed: 1 for a step's function, and these. The gate's are of all its invocations for one rotation. */
const SECONDS: Readonly<Partial<Record<FunctionName, number>>> = { gate: 8, reconcile: 5 };
/** Assumed, too: the lines that Lambda itself writes for each invocation. */
const LAMBDA_LOG_BYTES = 1024;
const MANY_SECRETS = 10_000;
const DAYS = 30;

/** `docs/cost.md`. */
export function renderCost(counted: readonly Counted[], sweep: CountedSweep, measured: Measured): string {
  const rows = counted.map((each) => {
    const invocations = sum(each.invocations);
    return `| ${each.what} | ${each.transitions} | ${invocations} | ${each.secretsManagerCalls} | ${dollars(costOf(each))} |`;
  });
  const dearest = counted.toSorted((a, b) => costOf(b) - costOf(a))[0] as Counted;
  const besides = besidesOf(dearest);
  const { alarms, dashboardMetrics, ofOutcome } = measured;
  const [minutes, sweeps] = [sweepMinutes(), (DAYS * 24 * 60) / sweepMinutes()];
  const sweeping = sweeps * (computed(sweep.invocations) + sum(sweep.secretsManagerCalls) * PRICES.secretsManagerCall);
  const always = Object.keys(METRICS.sweeps).length;
  const fixed = [
    [`${alarms.count} alarms, on ${alarms.metrics} metrics`, alarms.metrics * PRICES.alarm],
    [`reconcile's ${always} metrics, which always have data`, always * PRICES.metric],
    [`the dashboard, of ${dashboardMetrics} metrics`, PRICES.dashboard],
    ["the heartbeat's secret", PRICES.secret],
    [`reconcile, every ${minutes} minutes (${sweeps} sweeps), and what its heartbeat makes dispatch do`, sweeping],
  ] as const;
  const together = fixed.reduce((total, [, amount]) => total + amount, 0);
  const lists = MANY_SECRETS / sweep.secretsPerList;
  return `# Cost

What Rotor costs at AWS, written by a test that counts (\`test/stacks/cost.test.ts\`): transitions from the execution's history, invocations, calls and lines of logs
as the embedded account has seen them; schedule, memory and metrics from what is deployed. Prices are those of us-east-1 in US dollars,
without free tiers and taxes; check them before you count on them.

**Durations are assumptions**, not measured on Lambda: 1 s for a step, ${SECONDS.gate} s in all for the gate of one rotation, ${SECONDS.reconcile} s for reconcile. The gate
waits as long as its rotation takes, so a native rotation that waits for its dependents, or soaks, costs ${dollars(minuteOf("gate"))} more for each
minute.

## One rotation that succeeds

| | state transitions | invocations | Secrets Manager calls | US dollars |
|---|---|---|---|---|
${rows.join("\n")}

Besides, for the dearest of these:

| | US dollars |
|---|---|
${besides.map(([what, amount]) => `| ${what} | ${dollars(amount)} |`).join("\n")}

Events of AWS services are free on the default bus. A retry, a look at a dependent that is not ready, a rollback and a window each add
transitions. X-Ray is on for the workflow (\`stacks/workflow.ts\`), and records each execution or fewer, by the account's sampling rules.

A thousand secrets, each rotated once a month as the dearest, with what is besides: ${dollars(1000 * (costOf(dearest) + total(besides)))} a month.

## A stage, whether or not anything rotates

| | US dollars a month |
|---|---|
${fixed.map(([what, amount]) => `| ${what} | ${dollars(amount)} |`).join("\n")}
| **together** | **${dollars(together)}** |

A sweep makes ${sum(sweep.secretsManagerCalls)} calls of Secrets Manager (${said(sweep.secretsManagerCalls)}) and ${sum(sweep.invocations)} invocations (${said(sweep.invocations)}). CloudWatch bills
an alarm for each metric that it looks at, and a dashboard of more than 50 metrics is in no free tier.

Besides, where something rotates: custom metrics, ${dollars(PRICES.metric)} each for a month in which they have data in every hour, and less by the hour.
\`${METRICS.rollbacks.failed}\` is one, and each pair of outcome and mode that occurs has ${ofOutcome.least} to ${ofOutcome.most}. A network adds what NAT gateways or VPC endpoints cost, and
CloudTrail's first trail of management events is free. A key of your own costs ${dollars(PRICES.key)}.

${MANY_SECRETS.toLocaleString("en")} secrets add ${lists} calls of ListSecrets to each sweep: ${dollars(sweeps * lists * PRICES.secretsManagerCall)} a month.
`;
}

/** Each a price of its own, for one rotation. */
function besidesOf({ logBytes, invocations }: Counted): readonly (readonly [what: string, amount: number])[] {
  // To tens of kilobytes: times and pauses make a line longer or shorter.
  const kilobytes = 10 * Math.ceil((logBytes + sum(invocations) * LAMBDA_LOG_BYTES) / 10_240);
  return [
    ["its event on the rotation bus", PRICES.event],
    ["its message, to one mailbox", PRICES.email],
    [`its trace in X-Ray, at ${dollars(1_000_000 * PRICES.trace)} a million`, PRICES.trace],
    [`some ${kilobytes} kB of logs, taken in`, (kilobytes / 1024 ** 2) * PRICES.logGigabyte],
  ];
}

function costOf({ transitions, invocations, secretsManagerCalls }: Counted): number {
  return transitions * PRICES.transition + secretsManagerCalls * PRICES.secretsManagerCall + computed(invocations);
}

/** Lambda's price. */
function computed(invocations: Invocations): number {
  return entries(invocations).reduce((total, [name, count]) => {
    const seconds = count === 0 ? 0 : name === "gate" ? (SECONDS.gate ?? 1) : count * (SECONDS[name] ?? 1);
    return total + count * PRICES.invocation + (seconds / 60) * minuteOf(name);
  }, 0);
}

/** A function's price for a minute. */
function minuteOf(name: FunctionName): number {
  return 60 * (FUNCTIONS[name].memoryMegabytes / 1024) * PRICES.gigabyteSecond;
}

function sweepMinutes(): number {
  const schedule = SCHEDULES.find(({ target }) => target === "reconcile");
  return (parseSchedule(schedule?.expression ?? "").intervalMs ?? Number.NaN) / 60_000;
}

function said(counts: Invocations): string {
  return entries(counts)
    .filter(([, count]) => count > 0)
    .map(([name, count]) => `${count} of ${name}`)
    .join(", ");
}

function entries(counts: Invocations): readonly (readonly [FunctionName, number])[] {
  return Object.entries(counts) as [FunctionName, number][];
}

function sum(counts: Invocations): number {
  return entries(counts).reduce((total, [, count]) => total + count, 0);
}

function total(amounts: readonly (readonly [string, number])[]): number {
  return amounts.reduce((all, [, amount]) => all + amount, 0);
}

/** Two decimals; of less than a cent as many as show two digits. */
function dollars(amount: number): string {
  if (amount >= 0.01) return amount.toFixed(2);
  return amount.toFixed(Math.max(5, 1 - Math.floor(Math.log10(amount)))).replace(/(\.\d{5}\d*?)0+$/, "$1");
}
