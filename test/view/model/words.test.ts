import { expect, test } from "vitest";
import { LINES } from "../../../view/model/lines.ts";
import { count, distance, duration } from "../../../view/model/words.ts";

test.each([
  [0, "0 ms"],
  [999, "999 ms"],
  [13_270, "13.3 s"],
  [59_960, "1 min"],
  [125_000, "2 min 5 s"],
  [3_600_000, "1 h"],
  [3_720_000, "1 h 2 min"],
  [86_400_000 * 3, "3 d"],
  [undefined, ""],
])("%s ms are said as %j", (milliseconds, text) => {
  expect(duration(milliseconds)).toBe(text);
});

test("how far away a time is, is said by its largest unit", () => {
  const now = new Date(0);
  expect([-5000, -200_000, 7_200_000, 86_400_000 * 30].map((at) => distance(new Date(at), now))).toEqual([
    ...["5 s ago", "3 min ago", "in 2 h", "in 30 d"],
  ]);
  expect([count(1, "run"), count(25_000, "event")]).toEqual(["1 run", "25,000 events"]);
});

test("a name in a line to copy cannot end its quoting", () => {
  expect(LINES.show("orders/db;rm -rf 'x'")).toBe("rotor show 'orders/db;rm -rf ?x?'");
  expect(LINES.runs({ words: "orders/db", outcome: "DIED", state: "", owner: "" }, ["orders/db"])).toBe(
    "rotor runs --secret orders/db --outcome DIED --limit 1000",
  );
});
