import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { SECTIONS } from "../../core/notifications/error-runbook.ts";
import { ROOT_CAUSES, rootCauseOf } from "../../core/root-causes.ts";

const runbooks = readFileSync(join(import.meta.dirname, "../../docs/runbooks.md"), "utf8");

describe("docs/runbooks.md", () => {
  test.each([...SECTIONS])("says of %s what it means, what is true now and what to do", (name) => {
    const [, section = ""] = runbooks.split(new RegExp(`^### ${name}$`, "m"));
    const own = section.split(/^##/m)[0] ?? "";
    const parts = ["**Means.**", "**True now.**", "**Do.**"].map((part) => own.indexOf(part));
    expect(parts).not.toContain(-1);
    expect([...parts].sort((a, b) => a - b)).toEqual(parts);
  });

  test("has a section for nothing else", () => {
    const titles = [...runbooks.matchAll(/^### (.*)$/gm)].map(([, title]) => title);
    expect(titles.toSorted()).toEqual([...SECTIONS].sort());
  });
});

describe("root causes", () => {
  const rows = [...runbooks.matchAll(/^\| (`.*`) \| (.*) \| .* \|$/gm)].map(([, codes = "", because]) => {
    return { codes: [...codes.matchAll(/`([^`]+)`/g)].map(([, code]) => code), because };
  });

  test("are in docs/runbooks.md as messages tell them", () => {
    expect(rows).toEqual(ROOT_CAUSES.map(({ codes, because }) => ({ codes, because })));
  });

  test.each(ROOT_CAUSES.flatMap(({ codes, because }) => codes.map((code) => [code, because] as const)))(
    "%s is told where it is a word of its own, and nowhere else",
    (code, because) => {
      expect(rootCauseOf(`The target says no (${code}); version 1.`)?.because).toBe(because);
      expect(rootCauseOf(code)?.because).toBe(because);
      expect(rootCauseOf(`x${code}x`)).toBeUndefined();
      expect(rootCauseOf("PostgreSQL at db:1045 refused the password.")).toBeUndefined();
    },
  );
});
