import {
  CreateStateMachineCommand,
  DescribeExecutionCommand,
  GetExecutionHistoryCommand,
  SFNClient,
  StartExecutionCommand,
} from "@aws-sdk/client-sfn";
import { expect, test } from "vitest";
import { readRun } from "../../core/history.ts";
import { startAccount } from "../../local/account.ts";
import { VirtualClock } from "../../local/virtual-clock.ts";

// Two iterations at once: one waits, the other fails at once and is caught. Then a task whose function does not exist.
const DEFINITION = {
  QueryLanguage: "JSONata",
  StartAt: "Converge",
  States: {
    Converge: {
      Type: "Map",
      Items: "{% ['orders-api', 'billing-worker'] %}",
      ItemSelector: { dependent: "{% $states.context.Map.Item.Value %}" },
      ItemProcessor: {
        ProcessorConfig: { Mode: "INLINE" },
        StartAt: "Which",
        States: {
          Which: {
            Type: "Choice",
            Choices: [{ Condition: "{% $states.input.dependent = 'orders-api' %}", Next: "Settle" }],
            Default: "Refresh",
          },
          Settle: { Type: "Wait", Seconds: 60, End: true },
          Refresh: {
            Type: "Task",
            Resource: "arn:aws:states:::lambda:invoke",
            Arguments: { FunctionName: "nobody" },
            Retry: [{ ErrorEquals: ["States.ALL"], IntervalSeconds: 2, MaxAttempts: 2 }],
            End: true,
          },
        },
      },
      Catch: [{ ErrorEquals: ["States.ALL"], Assign: { why: "{% $states.errorOutput.Error %}" }, Next: "Tell" }],
      Next: "Tell",
    },
    Tell: { Type: "Pass", Output: { said: "{% $why %}" }, Next: "Failed" },
    Failed: { Type: "Fail", Error: "NotConverged", Cause: "{% 'because of ' & $why %}" },
  },
};

test("an execution of the embedded account, as the SDK reads its history, is read like one of AWS", async () => {
  await using account = await startAccount({ clock: new VirtualClock({ start: 0 }), random: () => 0.5 });
  const client = new SFNClient({
    endpoint: account.endpoint,
    region: account.region,
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
  });
  const { stateMachineArn } = await client.send(
    new CreateStateMachineCommand({
      name: "read",
      definition: JSON.stringify(DEFINITION),
      roleArn: "arn:aws:iam::123456789012:role/read",
    }),
  );
  const { executionArn } = await client.send(new StartExecutionCommand({ stateMachineArn, name: "one" }));
  await account.idle();
  const execution = await client.send(new DescribeExecutionCommand({ executionArn }));
  const { events = [] } = await client.send(new GetExecutionHistoryCommand({ executionArn, maxResults: 1000 }));

  const run = readRun(events);
  expect(run).toMatchObject({
    status: execution.status,
    error: execution.error,
    cause: execution.cause,
    startedAt: execution.startDate,
    endedAt: execution.stopDate,
  });
  const read = run.steps.map(({ name, status, iteration }) => [name, iteration?.item ?? "", status]);
  expect(Object.fromEntries(read.map(([name, item, status]) => [`${name} ${item}`.trim(), status]))).toEqual({
    Converge: "caught",
    "Which orders-api": "succeeded",
    "Settle orders-api": "aborted",
    "Which billing-worker": "succeeded",
    "Refresh billing-worker": "failed",
    Tell: "succeeded",
    Failed: "failed",
  });
  const refresh = run.steps.find(({ name }) => name === "Refresh");
  expect(refresh?.attempts).toHaveLength(3);
  const [error] = new Set(refresh?.attempts.map((attempt) => attempt.error));
  expect(run.steps[0]?.attempts).toMatchObject([{ error }]);
  expect(run.steps.find(({ name }) => name === "Tell")?.output).toEqual({ said: error });
});
