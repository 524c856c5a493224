import { describe, expect, test } from "vitest";
import * as z from "zod/mini";
import { parse } from "../../core/parse.ts";

const schema = z.strictObject({
  host: z.string().check(z.minLength(1)),
  port: z._default(z.int().check(z.minimum(1), z.maximum(65_535)), 5432),
  engine: z.optional(z.enum(["postgres", "mysql"])),
});

/** What is wrong -> what is said. */
const WRONG = [
  [undefined, "Invalid input: expected object, received undefined."],
  [{}, "Field host: Invalid input: expected string, received undefined."],
  [{ host: "" }, "Field host: Too small: expected string to have >=1 characters."],
  [{ host: "h", port: 1.5 }, "Field port: Invalid input: expected int, received number."],
  [{ host: "h", port: 65_536 }, "Field port: Too big: expected number to be <=65535."],
  [{ host: "h", engine: "canary" }, 'Field engine: Invalid option: expected one of "postgres"|"mysql".'],
  [{ host: "h", user: "canary" }, 'Unrecognized key: "user".'],
  [
    { host: 7, port: "canary" },
    "Field host: Invalid input: expected string, received number. Field port: Invalid input: expected number, received string.",
  ],
] as const;

describe("what is parsed", () => {
  test("has its defaults", () => {
    expect(parse(schema, { host: "h" })).toEqual({ success: true, data: { host: "h", port: 5432 } });
  });

  test.each(WRONG)("is refused in words, if it is %j, and its values are not repeated", (value, problems) => {
    expect(parse(schema, value)).toEqual({ success: false, problems });
    expect(problems).not.toContain("canary");
  });

  test("may have a schema of zod, too, and is refused in the same words", async () => {
    // Not before: zod, once it is there, gives its words to the schemas of zod/mini as well.
    const { default: classic } = await import("zod");
    const same = classic.strictObject({
      host: classic.string().min(1),
      port: classic.int().min(1).max(65_535).default(5432),
      engine: classic.enum(["postgres", "mysql"]).optional(),
    });
    expect(parse(same, { host: "h" })).toEqual({ success: true, data: { host: "h", port: 5432 } });
    for (const [value, problems] of WRONG) expect(parse(same, value)).toEqual({ success: false, problems });
  });
});
