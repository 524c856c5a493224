import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { type Allowed, judge } from "./audit.mjs";

const NOW = { now: new Date("2026-11-28T00:00:00Z"), isRequired: false };
const ID = "GHSA-aaaa-bbbb-cccc";
const until = (expires: string): Allowed => ({ advisory: ID, reason: "not reached: see the issue", expires });

/** As npm 10 and 11 write it. */
function answer(severity: string, more: object = {}): string {
  const advisory = {
    ...{ source: 1097, name: "left", dependency: "left", title: "Reads too far", severity, range: "<2.0.0" },
    url: `https://github.com/advisories/${ID}`,
  };
  const vulnerabilities = {
    left: { name: "left", severity, isDirect: false, via: [advisory], effects: ["right"], range: "<2.0.0" },
    // Affected by what it depends on.
    right: { name: "right", severity, isDirect: true, via: ["left"], effects: [], range: "*" },
  };
  return JSON.stringify({ auditReportVersion: 2, vulnerabilities: { ...vulnerabilities, ...more }, metadata: {} });
}
const NOTHING = JSON.stringify({ auditReportVersion: 2, vulnerabilities: {}, metadata: {} });

describe("an audit of the packages that a deployment carries", () => {
  test.each([
    ["critical", true],
    ["high", true],
    ["moderate", false],
    ["low", false],
    ["info", false],
  ])("with one %s advisory fails: %s, and counts it once", (severity, failed) => {
    const { lines, failed: has } = judge(answer(severity), [], NOW);
    expect(has).toBe(failed);
    expect(lines.join()).toContain(`1 advisories, ${failed ? 1 : 0} of them`);
    if (failed) expect(lines[0]).toBe(`${severity}: left <2.0.0: Reads too far (${ID})`);
  });

  test("passes with none", () => {
    expect(judge(NOTHING, [], NOW)).toMatchObject({ failed: false });
  });

  test("passes with one that is allowed until a day that is to come", () => {
    expect(judge(answer("critical"), [until("2026-11-29")], NOW)).toMatchObject({ failed: false });
  });

  test("fails with one that was allowed until a day that is over, also where it is found no more", () => {
    for (const report of [answer("critical"), NOTHING, ""]) {
      const { lines, failed } = judge(report, [until("2026-11-28")], NOW);
      expect([failed, lines[0]]).toEqual([true, expect.stringContaining("has expired on 2026-11-28")]);
    }
  });

  test.each([
    ["no reason", { ...until("2027-01-01"), reason: "" }],
    ["no date", { ...until("some day") }],
    ["no advisory", { ...until("2027-01-01"), advisory: "" }],
  ])("fails with an entry that has %s", (_what, entry) => {
    expect(judge(answer("low"), [entry], NOW)).toMatchObject({ failed: true });
  });

  test("says which entry is not needed any more", () => {
    expect(judge(NOTHING, [until("2027-01-01")], NOW).lines[0]).toContain("is not found any more");
  });

  test("allows nothing else by it", () => {
    const other = { via: [{ source: 7, name: "other", title: "Runs it", severity: "high", range: "*", url: "" }] };
    const { lines, failed } = judge(answer("critical", { other }), [until("2027-01-01")], NOW);
    expect([failed, lines[0]]).toEqual([true, "high: other *: Runs it (7)"]);
  });

  test.each([
    ["nothing", ""],
    ["no JSON", "npm error audit endpoint returned an error"],
    ["an error of npm's", JSON.stringify({ error: { code: "ENOAUDIT", summary: "Your configured registry" } })],
    ["an error of the registry's", JSON.stringify({ message: "405 Method Not Allowed", method: "POST" })],
    ["null", "null"],
    ["a report without its part", JSON.stringify({ auditReportVersion: 2, vulnerabilities: null })],
  ])("that is answered with %s is not run, which is a failure only where it is required", (_what, text) => {
    expect(judge(text, [], NOW)).toEqual({ lines: ["not run: the registry answers no audit"], failed: false });
    expect(judge(text, [], { ...NOW, isRequired: true }).failed).toBe(true);
  });
});

test("what is allowed now has a reason and a date that is to come", () => {
  const allowed = JSON.parse(readFileSync(new URL("audit-allowed.json", import.meta.url), "utf8")) as Allowed[];
  expect(judge(NOTHING, allowed, { now: new Date(), isRequired: false }).failed).toBe(false);
});
