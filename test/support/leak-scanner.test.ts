import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { FORMS } from "../leaks/forms.ts";
import { leakScanner } from "./leak-scanner.ts";

const SECRET = "aZ3-kQ9wLm2'xT\\7\"r&Vb%41 +Gé";
const PLAIN = "q8RzW2mXk5TnB7vLc4YdJ9sHf3GpZ6aE";

describe.each(Object.entries(FORMS))("a secret %s", (_name, write) => {
  test("is found in the middle of a text, whatever characters it has", () => {
    expect(leakScanner([SECRET])(`before ${write(SECRET)} after`)).not.toEqual([]);
    // What looks like an escape in a secret makes it shorter once it is decoded; under eight characters it is not looked for.
    const secrets = fc.string({ unit: "grapheme-ascii", minLength: 16, maxLength: 40 });
    fc.assert(
      fc.property(secrets, fc.string(), fc.string(), (secret, before, after) => {
        expect(leakScanner([secret])(`${before} ${write(secret)} ${after}`)).not.toEqual([]);
      }),
    );
  });
});

test.each([
  ["the first ten characters", PLAIN.slice(0, 10)],
  ["the last ten characters", PLAIN.slice(-10)],
  ["base64 of a dozen", Buffer.from(PLAIN.slice(3, 16)).toString("base64")],
  ["hex of ten", Buffer.from(PLAIN.slice(5, 15)).toString("hex")],
  ["all but what is starred out", `${PLAIN.slice(0, 9)}***`],
])("of a random password a piece is enough: %s", (_name, text) => {
  expect(leakScanner([PLAIN])(`${text}.`)).not.toEqual([]);
});

test("what only resembles a secret is none", () => {
  const scan = leakScanner([PLAIN, "first-0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d", "correct horse battery"]);
  for (const text of ["first-0a", "4e5f-4a6b-8c7d", PLAIN.slice(0, 7), PLAIN.toLowerCase(), "correct horse", ""]) {
    expect(scan(`${text} `), text).toEqual([]);
  }
});

test("nothing is found for no secrets, nor for secrets that are too short to be told from other text", () => {
  expect(leakScanner([])("anything")).toEqual([]);
  expect(leakScanner(["", "short"])("short")).toEqual([]);
});
