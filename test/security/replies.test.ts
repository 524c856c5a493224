import { afterAll, describe, expect, test } from "vitest";
import { httpTarget } from "../../core/dependents/http-target.ts";
import { httpEndpoint } from "../../core/dependents/index.ts";
import { parse } from "../../core/parse.ts";
import { startDouble } from "../dependents/http-double.ts";
import { counted } from "./payloads.ts";

const VERSION = "1c8b4d63-a5e2-4f90-b4c7-6e3d2f10c07e";
const CHANGE = { secretArn: "arn", secretName: "orders/db", versionId: VERSION };

/** Answers of which none says, where it counts, that the version is in use. */
const ANSWERS: Readonly<Record<string, string>> = {
  "a list of 30,000 levels": "[".repeat(30_000) + "]".repeat(30_000),
  "an object of 8,000 levels": `${'{"a":'.repeat(8000)}"${VERSION}"${"}".repeat(8000)}`,
  "a version that is 30,000 levels deep": `{"versionId":${"[".repeat(30_000)}${"]".repeat(30_000)}}`,
  "the version in a prototype": `{"__proto__":{"versionId":"${VERSION}"}}`,
  "the version in a constructor": `{"constructor":{"prototype":{"versionId":"${VERSION}"}}}`,
  "no end": `{"versionId":"${VERSION}`,
};
afterAll(() => counted("answers of dependents", { answers: Object.keys(ANSWERS).length * 2 }));

describe.each(Object.entries(ANSWERS))("a dependent that answers with %s", (_what, text) => {
  test.each([undefined, { json: "__proto__.versionId" }])(
    "is not believed to use the version, looked for at %j",
    async (version) => {
      await using service = await startDouble((_, response) => response.end(text));
      const target = parse(httpTarget, { verify: service.url, version });
      if (!target.success) throw new Error(target.problems);

      const seen = await httpEndpoint
        .verify(target.data, CHANGE, new AbortController().signal)
        .catch((error: Error) => error.name);

      // An own key of that name is a field as any other, where the policy asks for it.
      const isAskedFor = version !== undefined && text.startsWith('{"__proto__"');
      if (isAskedFor) expect(seen).toMatchObject({ strength: "claimed" });
      else expect([seen, (seen as { strength?: string }).strength]).toEqual(expect.not.arrayContaining(["claimed"]));
      if (typeof seen === "string") expect(seen).toBe("DependentNotReady");
      expect(({} as Record<string, unknown>)["versionId"]).toBeUndefined();
    },
  );
});
