import { expect, test } from "vitest";
import { parseArguments, UsageError } from "../../local/demo/arguments.ts";

test.each([
  [[], { keep: false, help: false }],
  [["--keep"], { keep: true, help: false }],
  [["--port", "4566", "--keep"], { keep: true, help: false, port: 4566 }],
  [["--port=4566"], { keep: false, help: false, port: 4566 }],
  [["-h"], { keep: false, help: true }],
])("%j is understood", (argv, expected) => {
  expect(parseArguments(argv)).toEqual(expected);
});

test.each([
  [["--kep"], "There is no option --kep."],
  [["-x"], "There is no option -x."],
  [["keep"], '"keep" is not an option.'],
  [["--keep=yes"], "--keep takes no value."],
  [["--port"], "--port takes a number from 1 to 65535."],
  [["--port", "0"], '--port takes a number from 1 to 65535, not "0".'],
  [["--port", "70000"], '--port takes a number from 1 to 65535, not "70000".'],
  [["--port", "8080x"], '--port takes a number from 1 to 65535, not "8080x".'],
])("%j is refused with a sentence that names it", (argv, sentence) => {
  expect(() => parseArguments(argv)).toThrow(new UsageError(sentence));
});
