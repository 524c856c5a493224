import fc from "fast-check";

/** Text of others: anything that a name, an id or an error's message may turn out to be. */
export const hostile = fc.oneof(
  fc.string({ unit: "binary", maxLength: 700 }),
  fc.string({ unit: "grapheme", maxLength: 700 }),
  fc.constantFrom(
    "",
    " ",
    "\r\nBcc: all",
    "\u202egnp",
    "\u0000\u001b[31m",
    "'; rm -rf / #",
    "\ud800",
    "a".repeat(5000),
    "\u{1f600}".repeat(600),
  ),
);

export const maybe = <T>(some: fc.Arbitrary<T>) => fc.option(some, { nil: null });
