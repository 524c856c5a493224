import { describe, expect, it } from "vitest";
import { DefinitionError, parseDefinition } from "../../local/engine/definition.ts";
import { machine, task } from "./harness.ts";

function problems(definition: unknown): readonly string[] {
  try {
    parseDefinition(typeof definition === "string" ? definition : JSON.stringify(definition));
    return [];
  } catch (error) {
    if (error instanceof DefinitionError) return error.problems;
    throw error;
  }
}

const pass = { Type: "Pass", End: true };
const map = (rest: Record<string, unknown>) => ({
  Type: "Map",
  ItemProcessor: { StartAt: "I", States: { I: pass } },
  End: true,
  ...rest,
});

const parallel = (Branches: unknown[]) => ({ Type: "Parallel", Branches, End: true });
const forToken = { ...task("f"), Resource: "arn:aws:states:::lambda:invoke.waitForTaskToken" };

describe("what runs is accepted:", () => {
  it.for([
    [
      "a Parallel with all of its fields",
      {
        ...parallel([{ Comment: "c", StartAt: "I", States: { I: pass } }]),
        End: undefined,
        Arguments: { a: "{% $states.input %}" },
        Output: "{% $states.result %}",
        Assign: { x: 1 },
        Retry: [{ ErrorEquals: ["States.ALL"] }],
        Catch: [{ ErrorEquals: ["States.ALL"], Next: "T" }],
        Next: "T",
      },
    ],
    [
      "a task token with heartbeats",
      { ...forToken, End: undefined, HeartbeatSeconds: "{% 5 %}", TimeoutSeconds: 9, Next: "T" },
    ],
  ] as const)("%s", ([, state]) => {
    expect(problems(machine("S", { S: state, T: pass }))).toEqual([]);
  });
});

describe("what AWS has and the account does not is refused by name:", () => {
  it.for([
    [
      "a service integration",
      { ...task("f"), Resource: "arn:aws:states:::sns:publish" },
      "The resource 'arn:aws:states:::sns:publish' is not supported, only 'arn:aws:states:::lambda:invoke' is",
    ],
    [
      "a task token of another service",
      { ...task("f"), Resource: "arn:aws:states:::sqs:sendMessage.waitForTaskToken" },
      "The resource 'arn:aws:states:::sqs:sendMessage.waitForTaskToken' is not supported",
    ],
    [
      "an activity",
      { ...task("f"), Resource: "arn:aws:states:eu-west-1:111111111111:activity:a" },
      "The resource 'arn:aws:states:eu-west-1:111111111111:activity:a' is not supported",
    ],
    [
      "Distributed Map",
      map({
        ItemProcessor: { ProcessorConfig: { Mode: "DISTRIBUTED" }, StartAt: "I", States: { I: pass } },
      }),
      "Distributed Map is not supported",
    ],
    ["an item reader", map({ ItemReader: {} }), "The field 'ItemReader' (Distributed Map) is not supported"],
    [
      "tolerated failures",
      map({ ToleratedFailureCount: 1 }),
      "The field 'ToleratedFailureCount' (Distributed Map) is not supported",
    ],
    [
      "a JSONPath state",
      { ...pass, QueryLanguage: "JSONPath" },
      "The query language 'JSONPath' is not supported, only 'JSONata' is",
    ],
  ] as const)("%s", ([, state, text]) => {
    const found = problems(machine("S", { S: state }));
    expect(found.some((problem) => problem.includes(text) && problem.includes("at /States/S"))).toBe(true);
  });

  it.for(["InputPath", "OutputPath", "ResultPath", "Parameters", "ResultSelector", "Result", "ItemsPath", "Iterator"])(
    "the JSONPath field %s",
    (field) => {
      expect(problems(machine("S", { S: { ...pass, [field]: "$" } }))).toContain(
        `UNSUPPORTED: The JSONPath field '${field}' is not supported at /States/S/${field}`,
      );
    },
  );

  it("a JSONPath choice rule", () => {
    const rule = { Variable: "$.x", StringEquals: "y", Next: "S" };
    const found = problems(machine("S", { S: { Type: "Choice", Choices: [rule] } }));
    expect(found).toEqual(["UNSUPPORTED: The JSONPath field 'Variable' is not supported at /States/S/Variable"]);
  });

  it("a definition without a query language, which means JSONPath", () => {
    expect(problems({ StartAt: "S", States: { S: pass } })).toEqual([
      "UNSUPPORTED: The query language 'JSONPath' is not supported, only 'JSONata' is at /States/S/QueryLanguage",
    ]);
  });

  it("anything of it inside a Map", () => {
    const inner = { StartAt: "I", States: { I: { ...pass, Parameters: {} } } };
    expect(problems(machine("S", { S: map({ ItemProcessor: inner }) }))).toEqual([
      "UNSUPPORTED: The JSONPath field 'Parameters' is not supported at /States/S/ItemProcessor/States/I/Parameters",
    ]);
  });

  it("anything of it inside a branch of a Parallel", () => {
    const branches = [
      { StartAt: "I", States: { I: pass } },
      { StartAt: "J", States: { J: { ...pass, ItemReader: {} } } },
    ];
    expect(problems(machine("S", { S: parallel(branches) }))).toEqual([
      "UNSUPPORTED: The field 'ItemReader' (Distributed Map) is not supported at /States/S/Branches[1]/States/J/ItemReader",
    ]);
  });

  it("an argument of lambda:invoke other than FunctionName and Payload", () => {
    const Arguments = { FunctionName: "f", InvocationType: "Event" };
    expect(problems(machine("S", { S: task("f", { Arguments, End: true }) }))).toEqual([
      "SCHEMA_VALIDATION_FAILED: The argument 'InvocationType' is not supported at /States/S",
    ]);
  });
});

describe("what AWS refuses is refused:", () => {
  it.for([
    ["text that is no JSON", "{", /^INVALID_JSON_DESCRIPTION: /],
    ["a missing field", { StartAt: "S" }, /These fields are required: \[States\] at \/$/],
    ["a misspelt field", machine("S", { S: { ...pass, Asign: {} } }), /Field 'Asign' is not supported at \/States\/S/],
    ["a missing start", machine("X", { S: pass }), /MISSING_TRANSITION_TARGET: Missing 'Next' target: X at \/StartAt/],
    [
      "a missing target",
      machine("S", { S: { Type: "Pass", Next: "X" } }),
      /Missing 'Next' target: X at \/States\/S\/Next/,
    ],
    ["a state nothing leads to", machine("S", { S: pass, T: pass }), /State "T" is not reachable\. at \/States\/T/],
    ["neither Next nor End", machine("S", { S: { Type: "Pass" } }), /Exactly one of Next and End is needed/],
    ["Next and End", machine("S", { S: { ...pass, Next: "S" } }), /Exactly one of Next and End is needed/],
    ["a Wait without a time", machine("S", { S: { Type: "Wait", End: true } }), /one of Seconds and Timestamp/],
    ["a task without a function", machine("S", { S: task("f", { Arguments: {}, End: true }) }), /'FunctionName'/],
    [
      "States.ALL with company",
      machine("S", { S: task("f", { Retry: [{ ErrorEquals: ["States.ALL", "A"] }], End: true }) }),
      /States\.ALL must be alone/,
    ],
    [
      "States.ALL not last",
      machine("S", {
        S: task("f", { Retry: [{ ErrorEquals: ["States.ALL"] }, { ErrorEquals: ["A"] }], End: true }),
      }),
      /States\.ALL must be alone in ErrorEquals and in the last element of Retry/,
    ],
    [
      "an expression that does not parse",
      machine("S", { S: { ...pass, Output: { a: ["{% 1 + %}"] } } }),
      /^INVALID_JSONATA: .* at \/States\/S\/Output\/a\[0\]$/,
    ],
    ["a Condition that is no expression", machine("S", { S: choice("yes"), T: pass }), /JSONata expression/],
    ["the reserved variable", machine("S", { S: { ...pass, Assign: { states: 1 } } }), /'states' is reserved/],
    ["a name that is no variable's", machine("S", { S: { ...pass, Assign: { "a-b": 1 } } }), /'a-b' is not a variable/],
    ["a Parallel without branches", machine("S", { S: parallel([]) }), /at \/States\/S\/Branches/],
    [
      "a target outside of the branch",
      machine("S", { S: parallel([{ StartAt: "I", States: { I: { Type: "Pass", Next: "S" } } }]) }),
      /Missing 'Next' target: S at \/States\/S\/Branches\[0\]\/States\/I\/Next/,
    ],
    [
      "one name in two branches",
      machine("S", { S: parallel([0, 1].map(() => ({ StartAt: "I", States: { I: pass } }))) }),
      /DUPLICATE_STATE_NAME: Duplicate State name: I/,
    ],
    [
      "a heartbeat that is no shorter than the timeout",
      machine("S", { S: { ...forToken, HeartbeatSeconds: 5, TimeoutSeconds: 5 } }),
      /HeartbeatSeconds must be smaller than TimeoutSeconds/,
    ],
    [
      "one name twice",
      machine("I", { I: map({ Next: "S", End: undefined }), S: pass }),
      /DUPLICATE_STATE_NAME: Duplicate State name: I/,
    ],
  ] as const)("%s", ([, definition, expected]) => {
    expect(problems(definition).some((problem) => expected.test(problem))).toBe(true);
  });
});

function choice(Condition: string) {
  return { Type: "Choice", Choices: [{ Condition, Next: "T" }] };
}
