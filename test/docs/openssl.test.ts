import { execFileSync, spawnSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { randomValueCredential } from "../../core/strategies/random-value-credential.ts";
import { belongTogether } from "../../core/strategies/random-value-keys.ts";
import { commandsOf } from "./commands.ts";
import { OPENSSL, readPage } from "./judge.ts";

const commands = commandsOf(OPENSSL, readPage(OPENSSL)).filter(
  ({ words, mark }) => words[0] === "openssl" && mark === undefined,
);
const isMissing = spawnSync("openssl", ["version"]).error !== undefined && process.env["REQUIRE_ENGINES"] !== "1";

describe.skipIf(isMissing)("the commands of docs/random-value.md (need the openssl command)", () => {
  test("make a first pair of keys that the strategy takes", () => {
    const folder = mkdtempSync(join(tmpdir(), "rotor-keys-"));
    const blocks = commands.filter(({ isInline }) => !isInline);
    expect(blocks.map(({ words }) => words[1])).toEqual(["genpkey", "pkey"]);
    for (const { text } of blocks) execFileSync("sh", ["-c", text], { cwd: folder });
    const [privateKey, publicKey] = ["key.pem", "public.pem"].map((file) => readFileSync(join(folder, file), "utf8"));
    rmSync(folder, { recursive: true });

    expect(taken({ format: "ed25519", privateKey, publicKey })).toBe(true);
  });

  test("convert a pair in encodings that the strategy refuses into one that it takes", () => {
    const { privateKey, publicKey } = generateKeyPairSync("rsa", {
      modulusLength: 2048,
      privateKeyEncoding: { type: "pkcs1", format: "pem" },
      publicKeyEncoding: { type: "pkcs1", format: "pem" },
    });
    expect(taken({ format: "rsa", privateKey, publicKey })).toBe(false);

    const inline = commands.filter(({ isInline }) => isInline);
    expect(inline.map(({ words }) => words[1])).toEqual(["pkcs8", "rsa"]);
    const [own, theirs] = inline.map(({ text }, index) =>
      execFileSync("sh", ["-c", text], { input: [privateKey, publicKey][index], encoding: "utf8", stdio: "pipe" }),
    );
    expect(taken({ format: "rsa", privateKey: own, publicKey: theirs })).toBe(true);
  });
});

function taken(value: object): boolean {
  const { data, success } = randomValueCredential.safeParse(value);
  return success && data.format !== "token" && belongTogether(data);
}
