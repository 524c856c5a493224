import { type Alarm, alarmsOf } from "./alarms.ts";
import { dashboardOf } from "./dashboard.ts";
import type { Grants } from "./grants.ts";
import type { Topics } from "./notifications.ts";

/** Alarms, each with its section of the runbook, and a dashboard. */
export function createMonitoring(grants: Grants, topics: Topics): void {
  const { names, deployment } = grants;
  for (const alarm of alarmsOf(grants)) createAlarm(alarm, grants, topics);
  new aws.cloudwatch.Dashboard("dashboard", {
    dashboardName: names.acrossRegions("rotations"),
    dashboardBody: JSON.stringify(dashboardOf(grants, deployment.runbooks.alarms)),
  });
}

/** Rings to the topic of alarms; of a state it says there, too, when it is over. */
function createAlarm(alarm: Alarm, { names, deployment }: Grants, { alarms }: Topics): void {
  const { name, section = name, says, periods, threshold, below, about } = alarm;
  const [datapointsToAlarm, evaluationPeriods] = periods;
  new aws.cloudwatch.MetricAlarm(`alarm-${name}`, {
    name: names.of(name),
    alarmDescription: `${says} Runbook: ${deployment.runbooks.alarms}#${section}`,
    ...measuredOf(alarm),
    ...{ datapointsToAlarm, evaluationPeriods, threshold },
    comparisonOperator: below === true ? "LessThanThreshold" : "GreaterThanOrEqualToThreshold",
    // What has to be heard of regularly is missing when nothing comes.
    treatMissingData: below === true ? "breaching" : "notBreaching",
    alarmActions: [alarms.arn],
    okActions: about === "state" ? [alarms.arn] : [],
  });
}

function measuredOf({ name, metrics, period }: Alarm) {
  const [only] = metrics;
  if (metrics.length === 1 && only !== undefined) {
    const { namespace, metricName, dimensions, stat: statistic } = only;
    return { namespace, metricName, dimensions, statistic, period };
  }
  return {
    metricQueries: [
      // AWS takes a missing value for 0, and has no sum where all are missing. FILL would make one before late values have come.
      { id: "sum", expression: metrics.map((_each, index) => `m${index}`).join("+"), label: name, returnData: true },
      ...metrics.map((metric, index) => ({ id: `m${index}`, metric: { ...metric, period } })),
    ],
  };
}
