import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readDefinition } from "../../../view/model/definition.ts";
import { lanesOf } from "../../../view/model/lanes.ts";
import { rotation } from "./wire.ts";

describe("the lanes of the workflow", () => {
  const lanes = lanesOf(rotation());

  test("the happy path goes from Plan to Succeeded through every step that a rotation can have", () => {
    expect(lanes.happy).toEqual([
      ...["Plan", "Mode", "CreateSecret", "SetSecret", "TestSecret", "ProbeCandidate", "FinishSecret"],
      ...["ConvergeDependents", "ConfirmEvidence", "Converged", "Soak", "VerifyAfterSoak", "ConfirmAfterSoak"],
      ...["NotifySucceeded", "Succeeded"],
    ]);
  });

  test("the way back is the first of the ways that lead to no success", () => {
    expect(lanes.unhappy[0]).toEqual([
      ...["MayRollBack", "RollBack", "RestoreDependents", "NotifyRolledBack", "RolledBack"],
    ]);
    expect(lanes.unhappy.slice(1).map((way) => way.at(-1))).toEqual(["Rejected", "RollbackFailed", "NotConverged"]);
  });

  test("pauses and what ends without a rotation stand aside", () => {
    expect([...lanes.aside].sort()).toEqual([
      ...["AwaitEvidence", "AwaitRotationEnd", "AwaitWindow", "Ignored", "SettleRepair"],
    ]);
  });
});

describe("any definition", () => {
  const names = ["A", "B", "C", "D", "E", "F", "G", "H"];
  const name = fc.constantFrom(...names, "nowhere");
  const state = fc.record(
    {
      Type: fc.constantFrom("Task", "Choice", "Wait", "Fail", "Succeed", "Map", "Pass"),
      Next: name,
      End: fc.boolean(),
      Default: name,
      Choices: fc.array(fc.record({ Next: name }), { maxLength: 3 }),
      Catch: fc.array(fc.record({ Next: name, ErrorEquals: fc.constant(["States.ALL"]) }), { maxLength: 2 }),
    },
    { requiredKeys: ["Type"] },
  );

  test("has each of its states in exactly one lane, loops and dead ends among them", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...names), state, { minKeys: 1 }), (States) => {
        const definition = readDefinition({ StartAt: Object.keys(States)[0], States });
        if (definition === undefined) throw new Error("it is a definition");
        const { happy, unhappy, aside } = lanesOf(definition);
        expect([...happy, ...unhappy.flat(), ...aside].sort()).toEqual(Object.keys(States).sort());
      }),
    );
  });

  test("that is none is not taken for one", () => {
    fc.assert(
      fc.property(fc.anything(), (value) => {
        const read = readDefinition(value);
        expect(read === undefined || read.states.has(read.startAt)).toBe(true);
      }),
    );
    expect(readDefinition({ StartAt: "A", States: { B: { Type: "Fail" } } })).toBeUndefined();
  });
});
