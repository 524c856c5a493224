/** What one rotation that succeeds takes, counted in a run. */
export interface Counted {
  readonly what: string;
  /** State transitions that Step Functions bills: every state entered. */
  readonly transitions: number;
  /** By function. */
  readonly invocations: Readonly<Record<string, number>>;
  /** Calls of Secrets Manager by Rotor's functions. */
  readonly secretsManagerCalls: number;
}

/** US dollars, in us-east-1, as known when this was written: https://aws.amazon.com/pricing/ has those of today. */
const PRICES = {
  transition: 0.025 / 1000,
  secretsManagerCall: 0.05 / 10_000,
  invocation: 0.2 / 1_000_000,
  /** arm64, for each gigabyte and second. */
  gigabyteSecond: 0.0000133334,
  alarm: 0.1,
  metric: 0.3,
  secret: 0.4,
} as const;

/** Seconds that are billed at most, for the estimate: a step's usual time, and the gate's wait. */
const SECONDS: Readonly<Record<string, number>> = { gate: 8, reconcile: 5 };
const MEMORY_GIGABYTES: Readonly<Record<string, number>> = { rotate: 0.5, "roll-back": 0.5 };
const SWEEPS_A_MONTH = (30 * 24 * 60) / 15;

/** `docs/cost.md`. */
export function renderCost(
  counted: readonly Counted[],
  alarms: { readonly count: number; readonly metrics: number },
): string {
  const rows = counted.map((each) => {
    const invocations = sum(Object.values(each.invocations));
    return `| ${each.what} | ${each.transitions} | ${invocations} | ${each.secretsManagerCalls} | ${dollars(costOf(each))} |`;
  });
  const [dearest] = [...counted].sort((a, b) => costOf(b) - costOf(a));
  const sweeps = SWEEPS_A_MONTH * (computed("reconcile", 1) + 3 * PRICES.secretsManagerCall);
  const ringing = alarms.metrics * PRICES.alarm;
  const fixed = ringing + PRICES.secret + sweeps;
  return `# Cost

Written by a test that counts (\`test/stacks/cost.test.ts\`): transitions from the execution's history, invocations and calls as the
embedded account has seen them. Prices are those of us-east-1 in US dollars, without free tiers and taxes; check them before you count
on them. Durations are assumed: 1 s for a step, ${SECONDS["gate"]} s in all for the gate, ${SECONDS["reconcile"]} s for reconcile.

## One rotation that succeeds

| | state transitions | invocations | Secrets Manager calls | US dollars |
|---|---|---|---|---|
${rows.join("\n")}

A thousand secrets, each rotated once a month as the dearest of these: ${dollars(1000 * costOf(dearest as Counted))} a month. Events of AWS services are free on the
default bus; those on the rotation bus, messages by e-mail and the logs of a rotation are each below a tenth of that. A retry, a look at a
dependent that is not ready, a rollback and a window each add transitions.

## A stage, whether or not anything rotates

| | US dollars a month |
|---|---|
| ${alarms.count} alarms, on ${alarms.metrics} metrics | ${dollars(ringing)} |
| the heartbeat's secret | ${dollars(PRICES.secret)} |
| reconcile, every 15 minutes (${SWEEPS_A_MONTH} sweeps) | ${dollars(sweeps)} |
| **together** | **${dollars(fixed)}** |

Besides: custom metrics, ${dollars(PRICES.metric)} each where they have data. Reconcile writes 3, and each pair of outcome and mode that occurs has 2 to 4. The
dashboard costs 3.00 beyond the account's third. A network adds what NAT gateways or VPC endpoints cost, and CloudTrail's first trail of
management events is free. A key of your own costs 1.00.

10,000 secrets add 100 calls of ListSecrets to each sweep: ${dollars(SWEEPS_A_MONTH * 100 * PRICES.secretsManagerCall)} a month.
`;
}

function costOf({ transitions, invocations, secretsManagerCalls }: Counted): number {
  const lambda = sum(Object.entries(invocations).map(([name, count]) => computed(name, count)));
  return transitions * PRICES.transition + secretsManagerCalls * PRICES.secretsManagerCall + lambda;
}

/** Lambda's price for so many invocations. The gate's seconds are of all its invocations together. */
function computed(name: string, count: number): number {
  const seconds = name === "gate" ? (SECONDS["gate"] ?? 1) : count * (SECONDS[name] ?? 1);
  return count * PRICES.invocation + seconds * (MEMORY_GIGABYTES[name] ?? 0.25) * PRICES.gigabyteSecond;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, each) => total + each, 0);
}

function dollars(amount: number): string {
  return amount >= 0.01 ? amount.toFixed(2) : amount.toFixed(5);
}
