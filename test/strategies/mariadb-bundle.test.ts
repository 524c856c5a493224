import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { describe, expect, test } from "vitest";
import { decode, encode, encodingExists } from "../../core/strategies/mariadb-iconv.ts";
import { uniqueName } from "../support/database.ts";
import { mariadbIsMissing, named, useMariadb } from "../support/mariadb.ts";

const run = promisify(execFile);

/** The three strategies with their driver, and zod/mini, which every function has anyway. */
const LIMIT_BYTES = 105_000;

describe.skipIf(mariadbIsMissing)(named("a bundle without character sets"), () => {
  const mariadb = useMariadb();

  test("is small, and rotates", async () => {
    const folder = await mkdtemp(join(tmpdir(), "rotor-bundle-"));
    const source = (name: string) => fileURLToPath(new URL(`../../core/strategies/${name}.ts`, import.meta.url));
    const names = ["mariadb-single-user", "mariadb-alternating-users", "mariadb-dual"];
    const outfile = join(folder, "strategies.mjs");
    await build({
      stdin: {
        contents: names.map((name) => `export * from ${JSON.stringify(source(name))};`).join("\n"),
        resolveDir: folder,
      },
      outfile,
      bundle: true,
      minify: true,
      format: "esm",
      platform: "node",
      target: "node20",
      mainFields: ["module", "main"],
      alias: { "iconv-lite": source("mariadb-iconv") },
      banner: {
        js: 'import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);',
      },
      logLevel: "silent",
    });
    const script = join(folder, "rotate.mjs");
    await writeFile(
      script,
      `import { mariadbDual } from "./strategies.mjs";
      const [base, admin] = JSON.parse(process.env["ROTATION"]);
      const context = { versionId: "v-1", timeoutMs: 5000, signal: new AbortController().signal, readSecret: async () => admin };
      const candidate = mariadbDual.createSecret(base, () => "second-password-ünïcødé");
      await mariadbDual.setSecret({ base, candidate }, context);
      console.log(await mariadbDual.signIn(base, context), await mariadbDual.signIn(candidate, context));`,
    );
    const { host, port, admin } = mariadb;
    const login = { username: uniqueName("ünïcødé"), password: "first-password" };
    await mariadb.createUser(login.username, login.password);
    const base = { engine: "mariadb", host, port, ssl: false, ...login, masterarn: "arn:admin" };

    const { stdout } = await run(process.execPath, [script], {
      env: { ...process.env, ROTATION: JSON.stringify([base, admin]) },
    });
    const bytes = gzipSync(await readFile(outfile), { level: 9 }).length;
    await rm(folder, { recursive: true });

    expect(stdout.trim()).toBe("accepted accepted");
    expect(bytes).toBeLessThan(LIMIT_BYTES);
  });
});

test("what is not bundled is refused, and never mistaken", () => {
  expect(encodingExists()).toBe(false);
  expect(() => encode("text", "ujis")).toThrow("ujis");
  expect(() => decode(Buffer.of(), "ujis")).toThrow("ujis");
});
