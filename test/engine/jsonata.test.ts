import { describe, expect, it } from "vitest";
import { createEvaluator, type Json } from "../../local/engine/jsonata.ts";

const evaluator = createEvaluator({ now: () => Date.parse("2026-02-03T04:05:06.789Z"), random: () => 0.5 });

function value(expression: string, variables: Record<string, Json> = {}): Promise<Json> {
  return evaluator.evaluate(`{% ${expression} %}`, "Output", { states: { input: { a: 1 } }, variables });
}

describe("the functions that Step Functions adds to JSONata", () => {
  it.for([
    ["$partition([1, 2, 3, 4, 5], 2)", [[1, 2], [3, 4], [5]]],
    ["$range(0, 10, 5)", [0, 5, 10]],
    ["$range(3, 1, -1)", [3, 2, 1]],
    ["$hash('hello', 'SHA-256')", "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"],
    ["$parse('{\"a\": [1]}')", { a: [1] }],
    ["$random()", 0.5],
    ["$random(7) = $random(7)", true],
    ["$length($uuid())", 36],
    ["$millis()", 1770091506789],
    ["$now()", "2026-02-03T04:05:06.789Z"],
    ["$now('[Y]/[M]', '+0000')", "2026/2"],
  ] as const)("%s", async ([expression, expected]) => {
    expect(await value(expression)).toEqual(expected);
  });

  it("have no $eval", async () => {
    await expect(value("$eval('1')")).rejects.toThrow("T1006");
  });
});

describe("an evaluation", () => {
  it("reads variables and $states, and leaves text without {% %} alone", async () => {
    const scope = { states: { input: { a: 1 } }, variables: { x: "y" } };
    const template = { plain: " {% $x %} ", list: ["{% $x %}", "{% $states.input.a %}"], nothing: null };
    expect(await evaluator.evaluate(template, "Output", scope)).toEqual({
      plain: " {% $x %} ",
      list: ["y", 1],
      nothing: null,
    });
  });

  it("gives quotes and braces of a variable back as they are", async () => {
    const odd = `"'{% $x %}\\`;
    expect(await value("$x", { x: odd })).toBe(odd);
  });

  it("refuses a function as a result", async () => {
    await expect(value("function($x) { $x }")).rejects.toThrow("returned an unsupported result type.");
    await expect(value("$sum")).rejects.toThrow("returned an unsupported result type.");
  });

  it("names the expression and the field of an error", async () => {
    await expect(value("$number('x')")).rejects.toThrow(
      "The JSONata expression '$number('x')' specified for the field 'Output' threw an error during evaluation. D3030:",
    );
  });
});
