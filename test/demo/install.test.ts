import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { isInstalled, tooOld } from "../../local/install.mjs";

describe("Node's version", () => {
  test.each(["20.19.0", "20.20.2", "22.0.0", "24.1.0"])("%s will do", (version) => {
    expect(tooOld(version)).toBeUndefined();
  });

  test.each(["18.20.4", "20.18.3", "16.0.0"])("%s is refused with what to do", (version) => {
    expect(tooOld(version)).toContain(
      `Rotor needs Node.js 20.19 or newer, and this is ${version}: install a newer one`,
    );
  });
});

describe("a project counts as installed", () => {
  let project: string;
  beforeEach(async () => {
    project = await mkdtemp(join(tmpdir(), "install-"));
    await write("package-lock.json", { "": {}, "node_modules/a": { version: "1.0.0" }, ...elsewhere });
    await mkdir(join(project, "node_modules", "a"), { recursive: true });
  });
  afterEach(() => rm(project, { recursive: true }));

  const elsewhere = { "node_modules/other-platform": { version: "1.0.0", optional: true } };
  const write = (file: string, packages: unknown) => writeFile(join(project, file), JSON.stringify({ packages }));
  const present = (packages: unknown) => write("node_modules/.package-lock.json", packages);

  test("when npm has put the wanted versions there, without those for other platforms", async () => {
    await present({ "node_modules/a": { version: "1.0.0" } });
    expect(isInstalled(project)).toBe(true);
  });

  test("not on a fresh clone", () => {
    expect(isInstalled(project)).toBe(false);
  });

  test("not with another version, or without a package", async () => {
    await present({ "node_modules/a": { version: "1.0.1" } });
    expect(isInstalled(project)).toBe(false);
    await present({});
    expect(isInstalled(project)).toBe(false);
  });

  test("not when a package's directory is gone", async () => {
    await present({ "node_modules/a": { version: "1.0.0" } });
    await rm(join(project, "node_modules", "a"), { recursive: true });
    expect(isInstalled(project)).toBe(false);
  });
});
