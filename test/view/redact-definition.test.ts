import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { redactDefinition } from "../../view/redact-definition.ts";

const ours = JSON.parse(readFileSync("statemachines/rotation.asl.json", "utf8"));

test("our workflow keeps its states, what leads where, how they are tried again, and which function each calls", () => {
  const { States } = redactDefinition(ours) as typeof ours;
  expect(Object.keys(States)).toEqual(Object.keys(ours.States));
  const { SetSecret, ConvergeDependents, Converged, AwaitRotationEnd, Succeeded } = States;
  const { Comment, Type, Resource, TimeoutSeconds, Retry, Next, Arguments } = ours.States.SetSecret;
  expect(SetSecret).toEqual({
    ...{ Comment, Type, Resource, TimeoutSeconds, Retry, Next },
    Catch: [{ ErrorEquals: ["States.ALL"], Next: "RollBack" }],
    Arguments: { FunctionName: Arguments.FunctionName },
  });
  expect(Converged.Choices).toEqual([{ Next: "RollBack" }, { Next: "Soak" }]);
  expect(ConvergeDependents.ItemProcessor).toMatchObject({ StartAt: "Refresh", States: { Verify: { End: true } } });
  expect([AwaitRotationEnd.Seconds, Succeeded]).toEqual([30, { Type: "Succeed" }]);
});

test("what somebody else's hands over, assigns or says is not shown", () => {
  const foreign = {
    StartAt: "A",
    Other: "hunter2",
    States: {
      A: {
        Type: "Pass",
        Comment: "signs in with password=hunter2",
        Assign: { it: "hunter2" },
        Parameters: { it: "hunter2" },
        Arguments: { FunctionName: "fn", Payload: { it: "hunter2" } },
        Retry: [{ ErrorEquals: ["E", { it: "hunter2" }], Assign: { it: "hunter2" } }, "hunter2"],
        Branches: [{ StartAt: "B", States: { B: { Type: "Fail", Cause: "hunter2" } } }],
        Iterator: { StartAt: "C", States: { C: "hunter2" } },
        Next: { it: "hunter2" },
      },
    },
  };
  expect(redactDefinition(foreign)).toEqual({
    StartAt: "A",
    States: {
      A: {
        Type: "Pass",
        Comment: "signs in with password=[hidden]",
        Arguments: { FunctionName: "fn" },
        Retry: [{ ErrorEquals: ["E"] }],
        Branches: [{ StartAt: "B", States: { B: { Type: "Fail" } } }],
        Iterator: { StartAt: "C", States: { C: {} } },
      },
    },
  });
  for (const none of [null, "text", [1], 5]) expect(redactDefinition(none)).toBeNull();
});
