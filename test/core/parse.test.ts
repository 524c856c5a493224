import { describe, expect, test } from "vitest";
import * as z from "zod/mini";
import { parse } from "../../core/parse.ts";

const schema = z.strictObject({
  host: z.string().check(z.minLength(1), z.maxLength(8)),
  port: z._default(z.int().check(z.minimum(1), z.maximum(65_535)), 5432),
  engine: z.optional(z.enum(["postgres", "mysql"])),
  names: z.optional(z.array(z.string()).check(z.minLength(1), z.maxLength(2))),
  ssl: z.optional(z.boolean()),
  at: z.optional(z.iso.datetime()),
  arn: z.optional(z.string().check(z.startsWith("arn:"))),
});

/** What is wrong -> what is said: the field, of which kind its value is, what it has to be. */
const WRONG = [
  [undefined, "Is missing: it must be an object."],
  ["canary", "Must be an object, and is a text."],
  [{}, "Field host: is missing: it must be a text."],
  [{ host: "" }, "Field host: must not be empty."],
  [{ host: "canary-canary" }, "Field host: must have at most 8 characters."],
  [{ host: null }, "Field host: must be a text, and is null."],
  [{ host: "h", port: 1.5 }, "Field port: must be a whole number, and is a fraction."],
  [{ host: "h", port: Number.NaN }, "Field port: must be a number, and is no number."],
  [{ host: "h", port: 0 }, "Field port: must be at least 1."],
  [{ host: "h", port: 65_536 }, "Field port: must be at most 65535."],
  [{ host: "h", engine: "canary" }, 'Field engine: must be one of "postgres", "mysql".'],
  [{ host: "h", names: {} }, "Field names: must be a list, and is an object."],
  [{ host: "h", names: [] }, "Field names: must not be empty."],
  [{ host: "h", names: ["a", "b", "canary"] }, "Field names: must have at most 2 entries."],
  [{ host: "h", ssl: "canary" }, "Field ssl: must be true or false, and is a text."],
  [{ host: "h", at: "canary" }, 'Field at: must be an ISO 8601 time in UTC, such as "2026-12-20T00:00:00Z".'],
  [{ host: "h", arn: "canary" }, 'Field arn: must begin with "arn:".'],
  [{ host: "h", user: "canary" }, 'There is no field "user" here: correct the name, or take it out.'],
  [
    { host: 7, port: "canary" },
    "Field host: must be a text, and is a number. Field port: must be a number, and is a text.",
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

  test("is named as whoever asks wants it", () => {
    expect(parse(schema, { host: 7 }, (path) => `settings.${path.join("/")}`)).toEqual({
      success: false,
      problems: "settings.host: must be a text, and is a number.",
    });
  });

  test("may have a schema of zod, too, and is refused in the same words", async () => {
    // Not before: zod, once it is there, gives its words to the schemas of zod/mini as well.
    const { default: classic } = await import("zod");
    const same = classic.strictObject({
      host: classic.string().min(1).max(8),
      port: classic.int().min(1).max(65_535).default(5432),
      engine: classic.enum(["postgres", "mysql"]).optional(),
      names: classic.array(classic.string()).min(1).max(2).optional(),
      ssl: classic.boolean().optional(),
      at: classic.iso.datetime().optional(),
      arn: classic.string().startsWith("arn:").optional(),
    });
    expect(parse(same, { host: "h" })).toEqual({ success: true, data: { host: "h", port: 5432 } });
    for (const [value, problems] of WRONG) expect(parse(same, value)).toEqual({ success: false, problems });
  });
});
