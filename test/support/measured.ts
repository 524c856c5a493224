import { vi } from "vitest";

/** One value of one metric, as CloudWatch takes it from a line in the embedded metric format. */
export interface Measured {
  readonly namespace: string;
  readonly metricName: string;
  readonly dimensions: Readonly<Record<string, string>>;
  readonly value: unknown;
}

/** What these lines of a log have measured, in their order. Other lines are nothing to CloudWatch. */
export function measuredIn(lines: readonly string[]): readonly Measured[] {
  return lines.flatMap((line) => {
    if (!line.startsWith('{"_aws"')) return [];
    const { _aws, ...members } = JSON.parse(line) as Embedded;
    return _aws.CloudWatchMetrics.flatMap(({ Namespace, Dimensions, Metrics }) =>
      Dimensions.flatMap((names) =>
        Metrics.map(({ Name }) => ({
          namespace: Namespace,
          metricName: Name,
          dimensions: Object.fromEntries(names.map((name) => [name, String(members[name])])),
          value: members[Name],
        })),
      ),
    );
  });
}

/** What `run` measures by lines on standard output, where Lambda's log takes them from. */
export function measuredBy(run: () => void): readonly Measured[] {
  const lines: string[] = [];
  const write = vi.spyOn(process.stdout, "write").mockImplementation((line) => {
    lines.push(...String(line).split("\n"));
    return true;
  });
  try {
    run();
  } finally {
    write.mockRestore();
  }
  return measuredIn(lines);
}

/** What makes a metric one of its own for CloudWatch: everything but its value. */
export function identityOf({ namespace, metricName, dimensions }: Omit<Measured, "value">): string {
  return [
    namespace,
    metricName,
    ...Object.entries(dimensions)
      .map(([name, value]) => `${name}=${value}`)
      .sort(),
  ].join(" ");
}

interface Embedded {
  readonly _aws: {
    readonly CloudWatchMetrics: readonly {
      readonly Namespace: string;
      readonly Dimensions: readonly (readonly string[])[];
      readonly Metrics: readonly { readonly Name: string }[];
    }[];
  };
  readonly [member: string]: unknown;
}
