import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parseDefinition } from "../../local/engine/definition.ts";
import { machine, task } from "../engine/harness.ts";
import { checkDefinition } from "./definition-check.ts";

/** The faults of a definition that the account accepts. */
function faults(StartAt: string, states: Record<string, unknown>): string[] {
  return checkDefinition(parseDefinition(JSON.stringify(machine(StartAt, states))));
}

const caught = (rest: Record<string, unknown>) => [{ ErrorEquals: ["States.ALL"], Next: "B", ...rest }];
const end = { Type: "Succeed" };
const reads = (expression: string) => task("f", { Output: `{% ${expression} %}`, End: true });

describe("a clean definition has no faults", () => {
  it("with variables from every path, functions, lambdas, blocks, guards and Maps", () => {
    expect(
      faults("A", {
        A: task("f", {
          Assign: { x: "{% $states.result.Payload %}", list: [1], flag: true },
          Catch: caught({ Assign: { x: "{% $states.errorOutput.Error %}" } }),
          Next: "C",
        }),
        C: { Type: "Choice", Choices: [{ Condition: "{% $flag and $x = 'a' %}", Next: "B" }], Default: "M" },
        M: {
          Type: "Map",
          Items: "{% $list %}",
          ItemSelector: "{% $states.context.Map.Item.Value %}",
          ItemProcessor: {
            StartAt: "I",
            States: { I: task("f", { Assign: { inner: "{% $x %}" }, Next: "J" }), J: reads("$inner & $x") },
          },
          Assign: { results: "{% $states.result %}" },
          Next: "B",
        },
        B: task("f", {
          Arguments: {
            FunctionName: "f",
            Payload: "{% ($t := 1; $map([1], function($v, $i) { $v + $i + $t }) ~> $sum() + $length($x)) %}",
          },
          Output: "{% $exists($results) ? $results : [] %}",
          Next: "W",
        }),
        W: { Type: "Wait", Seconds: 1, Next: "P" },
        P: { Type: "Pass", Output: "{% $states.input %}", Next: "F" },
        F: { Type: "Fail", Error: "Ours", Cause: "{% $x & ' failed' %}" },
      }),
    ).toEqual([]);
  });

  it("statemachines/rotation.asl.json", () => {
    const definition = parseDefinition(readFileSync("statemachines/rotation.asl.json", "utf8"));
    expect(checkDefinition(definition)).toEqual([]);
  });
});

describe("a seeded fault is found:", () => {
  const unassigned = (variable: string, where: string) =>
    `${where}: $${variable} is not assigned on every path to this state`;

  it("a misspelt variable", () => {
    expect(faults("A", { A: { Type: "Pass", Assign: { token: 1 }, Next: "B" }, B: reads("$tokne") })).toEqual([
      unassigned("tokne", "B, Output"),
    ]);
  });

  it("a variable that one of two paths does not assign", () => {
    expect(
      faults("C", {
        C: { Type: "Choice", Choices: [{ Condition: true, Next: "A" }], Default: "B" },
        A: { Type: "Pass", Assign: { x: 1 }, Next: "B" },
        B: reads("$x"),
      }),
    ).toEqual([unassigned("x", "B, Output")]);
  });

  it("a variable that the state assigns on success only, used behind its Catch", () => {
    expect(faults("A", { A: task("f", { Assign: { x: 1 }, Catch: caught({}), Next: "B" }), B: reads("$x") })).toEqual([
      unassigned("x", "B, Output"),
    ]);
  });

  it("a variable of a Map's iteration, used outside", () => {
    const inner = { StartAt: "I", States: { I: { Type: "Pass", Assign: { x: 1 }, End: true } } };
    expect(faults("M", { M: { Type: "Map", ItemProcessor: inner, Next: "B" }, B: reads("$x") })).toEqual([
      unassigned("x", "B, Output"),
    ]);
  });

  it("a variable of one branch of a Parallel, used in another and outside", () => {
    const branches = [
      { StartAt: "I", States: { I: { Type: "Pass", Assign: { x: 1 }, End: true } } },
      { StartAt: "J", States: { J: reads("$x") } },
    ];
    expect(faults("P", { P: { Type: "Parallel", Branches: branches, Next: "B" }, B: reads("$x") })).toEqual([
      unassigned("x", "J, Output"),
      unassigned("x", "B, Output"),
    ]);
  });

  it("a variable that the same state assigns, used in its own Output", () => {
    expect(faults("A", { A: task("f", { Assign: { x: 1 }, Output: "{% $x %}", End: true }) })).toEqual([
      unassigned("x", "A, Output"),
    ]);
  });

  it("a variable that only a later round of a loop has", () => {
    const states = {
      A: reads("$x"),
      C: { Type: "Choice", Choices: [{ Condition: true, Next: "A" }], Default: "E" },
      E: end,
    };
    const loop = { ...states, A: { ...states.A, End: undefined, Assign: { x: 1 }, Next: "C" } };
    expect(faults("A", loop)).toEqual([unassigned("x", "A, Output")]);
  });

  it.for([
    "$x.a[b = $y]",
    "{'k': $y}",
    "$x.{'k': [$y]}",
    "$map($x, function($v) { $v & $y })",
    "$x^(>$y)",
    "true ? $x : $y",
    "($y2 := $y; $y2)",
    "(($y := 1); $y)",
    "$exists($y) and $y",
  ])("a variable deep in %s", (expression) => {
    const found = faults("A", { A: { Type: "Pass", Assign: { x: 1 }, Next: "B" }, B: reads(expression) });
    expect(found).toContain(unassigned("y", "B, Output"));
  });

  it("$states assigned inside an expression", () => {
    expect(faults("A", { A: reads("($states := 1; 2)") })).toEqual([
      "A, Output: $states is reserved and cannot be assigned",
    ]);
  });

  it("$states assigned in Assign", () => {
    const definition = machine("A", { A: { Type: "Pass", Assign: { states: 1 }, End: true } });
    expect(checkDefinition(definition as never)).toEqual(["A, Assign: $states is reserved and cannot be assigned"]);
  });

  it("$eval", () => {
    expect(faults("A", { A: reads("$eval('1')") })).toEqual(["A, Output: $eval does not exist in Step Functions"]);
  });

  it("$states.errorOutput outside a Catch", () => {
    const states = { A: task("f", { Catch: caught({}), Next: "B" }), B: reads("$states.errorOutput.Error") };
    expect(faults("A", states)).toEqual(["B, Output: $states.errorOutput exists in a Catch only"]);
  });

  it("$states.result in Arguments, and in a catcher", () => {
    const text = "$states.result exists in Assign and Output of a Task, Map or Parallel only";
    expect(
      faults("A", {
        A: task("f", {
          Arguments: { FunctionName: "f", Payload: "{% $states.result %}" },
          Catch: caught({ Output: "{% $states.result %}" }),
          Next: "B",
        }),
        B: end,
      }).sort(),
    ).toEqual([`A, Arguments/Payload: ${text}`, `A, Catch/0/Output: ${text}`]);
  });

  it.for([
    ["Choice", { Choices: [{ Condition: "{% $states.input.a.b > 1 %}", Next: "E" }], Default: "E" }],
    ["Choice", { Choices: [{ Condition: "{% $number($x) = 1 %}", Next: "E" }], Default: "E" }],
    ["Choice", { Choices: [{ Condition: true, Next: "E", Output: "{% $x.y %}" }], Default: "E" }],
    ["Wait", { Seconds: "{% $x * 2 %}", Next: "E" }],
    ["Wait", { Seconds: "{% $x.seconds %}", Next: "E" }],
    ["Pass", { Assign: { y: "{% $x[0] %}" }, Next: "E" }],
  ] as const)("an expression of %s that could fail: %j", ([Type, rest]) => {
    const found = faults("A", { A: { Type: "Pass", Assign: { x: 1 }, Next: "B" }, B: { Type, ...rest }, E: end });
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(new RegExp(`^B, .*: this expression could fail, and ${Type} has no Catch`));
  });

  it("a Fail state's Error that begins with States., or is computed", () => {
    expect(faults("A", { A: { Type: "Fail", Error: "States.Timeout" } })).toHaveLength(1);
    expect(
      faults("A", {
        A: { Type: "Pass", Assign: { name: "x" }, Next: "B" },
        B: { Type: "Fail", Error: "{% $name %}" },
      }),
    ).toEqual(["B, Error: a computed name may begin with 'States.': put it in Cause"]);
  });
});
