import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { bundlePatched } from "./patched-bundles.ts";

let outdir: string;
beforeAll(async () => {
  outdir = await mkdtemp(join(tmpdir(), "rotor-patched-"));
});
afterAll(() => rm(outdir, { recursive: true, force: true }));

const bundles = inject("bundles");
const patch = { file: "functions/notify.ts", from: "const told =", to: "const told =" };

test("a patch of what one function has bundles that one again, and leaves the others as they are", async () => {
  const from = "return { digest: input.detail.to };";
  const to = "return { patched: true, digest: input.detail.to };";

  const files = await bundlePatched([{ file: "functions/notify.ts", from, to }], {
    outdir: join(outdir, "one"),
    bundles,
  });

  const { notify, ...others } = files;
  const { notify: before, ...rest } = bundles;
  expect(others).toEqual(rest);
  expect(notify).not.toBe(before);
  expect(await readFile(notify ?? "", "utf8")).toContain("patched: true");
});

test("patches of one file are made one after the other, and reach every function that has it", async () => {
  const first = { file: "core/confirm-evidence.ts", from: '"it was not looked at"', to: '"first"' };
  const second = { ...first, from: 'seen: "first"', to: 'seen: "second"' };

  const files = await bundlePatched([first, second], { outdir: join(outdir, "two"), bundles });

  const made = await readdir(join(outdir, "two"));
  const texts = await Promise.all(made.map((file) => readFile(join(outdir, "two", file), "utf8")));
  expect(texts.filter((text) => text.includes('seen: "second"'))).toHaveLength(1);
  expect(files["rotate"]).not.toBe(bundles["rotate"]);
  expect(files["notify"]).toBe(bundles["notify"]);
});

test("a replaced source is patched in its replacement", async () => {
  const path = (file: string) => new URL(`../../${file}`, import.meta.url).pathname;
  const replacements = { [path("core/strategies/index.ts")]: path("test/support/fake-strategies.ts") };
  const fake = { file: "test/support/fake-strategies.ts", from: 'name: "fake-dual"', to: 'name: "fake-patched"' };

  const files = await bundlePatched([fake], { outdir: join(outdir, "fake"), bundles, replacements });

  expect(Object.keys(files).filter((name) => files[name] !== bundles[name])).toContain("rotate");
  const other = { ...fake, file: "core/strategies/index.ts", from: "postgresSingleUser", to: "postgresSingleUser " };
  await expect(bundlePatched([other], { outdir, bundles, replacements })).rejects.toThrow("in no function's bundle");
});

test.each([
  ["whose text is not there", { ...patch, from: "no such text" }, 'has "no such text" 0 times'],
  ["whose text is there more than once", { ...patch, from: "const " }, /has "const " \d+ times/],
  ["that changes nothing", patch, "in its own place"],
  [
    "of a file that is in no function",
    { file: "local/account.ts", from: "export async function startAccount", to: "export async function start" },
    "local/account.ts is in no function's bundle",
  ],
])("a patch %s is refused", async (_what, refused, problem) => {
  await expect(bundlePatched([refused], { outdir, bundles })).rejects.toThrow(problem);
});
