import { expect, test } from "vitest";
import { cut, LiveOutput } from "../../../core/terminal/live-output.ts";

const ESC = "\u001b";

/** What a terminal shows after what was written to it: lines, and the two sequences that the output uses. */
function screen(isTTY: boolean, columns = 80) {
  let written = "";
  const shown = () => {
    const lines: string[] = [""];
    for (const part of written.match(new RegExp(`${ESC}\\[\\d*[AJ]|\n|[^\n${ESC}]+`, "g")) ?? []) {
      const up = new RegExp(`^${ESC}\\[(\\d+)A$`).exec(part);
      if (up) lines.splice(lines.length - 1 - Number(up[1]));
      else if (part.endsWith("J")) lines.push("");
      else if (part === "\n") lines.push("");
      else lines[lines.length - 1] += part;
    }
    return lines;
  };
  const write = (text: string) => {
    written += text;
  };
  return { isTTY, columns, write, shown, raw: () => written };
}

test("on a terminal the changing lines stay below the others and are drawn again in place", () => {
  const terminal = screen(true);
  const output = new LiveOutput(terminal, "xterm");
  output.append("one");
  output.show(["a", "b"]);
  output.show(["c"]);
  output.append("two", "three");
  expect(terminal.shown()).toEqual(["one", "two", "three", "c", ""]);
  output.show([]);
  expect(terminal.shown()).toEqual(["one", "two", "three", ""]);
});

test.each([
  ["in a file", false, "xterm"],
  ["on a terminal that cannot move its cursor", true, "dumb"],
])("%s nothing is written twice, and no escape sequence at all", (_where, isTTY, term) => {
  const file = screen(isTTY);
  const output = new LiveOutput(file, term);
  output.append("one");
  output.show(["a"]);
  output.append("two");
  expect(file.raw()).toBe("one\ntwo\n");
});

test("a changing line never wraps, or drawing in place would go wrong; colours count for nothing", () => {
  const terminal = screen(true, 6);
  new LiveOutput(terminal, "xterm").show(["1234567890"]);
  expect(terminal.shown()[0]).toBe("12345");
  expect(cut(`${ESC}[31m1234567890${ESC}[39m`, 4)).toBe(`${ESC}[31m1234${ESC}[39m`);
});
