import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { pageFiles } from "../../view/page-files.ts";

test("the page's script and style are under 60 KB, compressed", async () => {
  const { script, style } = await pageFiles();
  expect(script.length).toBeGreaterThan(10_000);
  expect(gzipSync(script).length + gzipSync(style).length).toBeLessThan(60 * 1024);
});
