import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, test } from "vitest";

const root = resolve(import.meta.dirname, "..");

/** What asks for a notice at most. */
const ALLOWED = ["0BSD", "Apache-2.0", "BlueOak-1.0.0", "ISC", "MIT", "MIT-0"];

/** What is taken all the same, and why. */
const EXCEPTIONS: Readonly<Record<string, { readonly licence: string; readonly why: string }>> = {
  mariadb: {
    licence: "LGPL-2.1-or-later",
    why: "MariaDB's own connector, unchanged. No copy of it is in the repository: whoever deploys bundles npm's package, and may put another build in its place",
  },
};

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly license?: unknown;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

/** One package of package-lock.json. */
interface Locked {
  readonly version?: string;
  readonly license?: string;
  readonly integrity?: string;
  readonly dev?: boolean;
  readonly hasInstallScript?: boolean;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>;
}
type Packages = Readonly<Record<string, Locked>>;

const manifest: Manifest = read("package.json");
const { packages } = read<{ packages: Packages }>("package-lock.json");
const direct = { ...manifest.dependencies, ...manifest.devDependencies };
const production = productionOf(packages);

describe("package.json", () => {
  test.each(Object.entries(direct))(
    "names one version of %s, %s, which is the one in package-lock.json",
    (name, version) => {
      expect(version).toMatch(/^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$/);
      expect(packages[`node_modules/${name}`]?.version).toBe(version);
    },
  );

  test("says what package-lock.json says of it", () => {
    const { dependencies, devDependencies } = packages[""] as Locked & Manifest;
    expect({ dependencies, devDependencies }).toEqual({
      dependencies: manifest.dependencies,
      devDependencies: manifest.devDependencies,
    });
  });
});

describe("what a deployment may carry", () => {
  test("is all in package-lock.json, and npm counts the same packages to it", () => {
    expect(production.missing).toEqual([]);
    const byNpm = Object.keys(packages).filter((path) => path !== "" && packages[path]?.dev !== true);
    expect(production.paths).toEqual(byNpm.sort());
  });

  test.each(production.paths)("%s has a licence that is allowed, and is installed as it is locked", (path) => {
    const locked = packages[path] as Locked;
    expect(faultOfLicence(nameOf(path), locked.license)).toBeUndefined();
    const installed: Manifest = read(join(path, "package.json"));
    expect(installed).toMatchObject({ name: nameOf(path), version: locked.version, license: locked.license });
  });

  test("runs nothing when it is installed", () => {
    expect(production.paths.filter((path) => packages[path]?.hasInstallScript === true)).toEqual([]);
  });

  test("needs every exception that there is", () => {
    const taken = production.paths.filter((path) => !ALLOWED.includes(packages[path]?.license ?? ""));
    expect(taken.map(nameOf).sort()).toEqual(Object.keys(EXCEPTIONS).sort());
  });
});

test("every package is locked by its content, and comes from a registry", () => {
  const others = Object.keys(packages).filter(
    (path) => path !== "" && !/^sha512-[A-Za-z0-9+/]{86}==$/.test(packages[path]?.integrity ?? ""),
  );
  expect(others).toEqual([]);
});

describe("a fault is noticed", () => {
  test.each([
    ["a licence that is not allowed", "pg", "GPL-3.0-only"],
    ["a choice, of which nobody has looked at the other half", "pg", "(MIT OR GPL-3.0-only)"],
    ["no licence", "pg", undefined],
    ["the exception's licence of another package", "pg", "LGPL-2.1-or-later"],
    ["another licence of the exception", "mariadb", "LGPL-3.0-only"],
  ])("%s", (_what, name, licence) => {
    expect(faultOfLicence(name, licence)).toContain(name);
  });

  test("a package that is not locked, however deep it is needed", () => {
    const { "node_modules/split2": _lost, ...rest } = packages;
    expect(productionOf(rest).missing).toEqual(["split2, for node_modules/pgpass"]);
  });

  test("a package of production that npm would not install with it", () => {
    const needy = { ...packages["node_modules/pg"], dependencies: { vitest: "*" } };
    expect(productionOf({ ...packages, "node_modules/pg": needy }).paths).toContain("node_modules/vitest");
  });
});

// --- internal ---

/** What is wrong with a package's licence; undefined where nothing is. */
function faultOfLicence(name: string, licence: string | undefined): string | undefined {
  if (licence !== undefined && (ALLOWED.includes(licence) || EXCEPTIONS[name]?.licence === licence)) return undefined;
  return `${name}: ${licence ?? "no licence"} is not in ALLOWED: read it, then add it, or an exception with its reason`;
}

/** Every package that `dependencies` leads to, by its path in node_modules, and what is needed and not locked. */
function productionOf(all: Packages): { readonly paths: readonly string[]; readonly missing: readonly string[] } {
  const paths = new Set<string>();
  const missing: string[] = [];
  const visit = (from: string, names: readonly string[]) => {
    for (const name of names) {
      const path = resolvedFrom(from, name, all);
      if (path === undefined) missing.push(`${name}, for ${from || "package.json"}`);
      if (path === undefined || paths.has(path)) continue;
      paths.add(path);
      visit(path, neededBy(all[path] as Locked));
    }
  };
  visit("", Object.keys(manifest.dependencies ?? {}));
  return { paths: [...paths].sort(), missing };
}

function neededBy({ dependencies, optionalDependencies, peerDependencies, peerDependenciesMeta }: Locked): string[] {
  const peers = Object.keys(peerDependencies ?? {}).filter((name) => peerDependenciesMeta?.[name]?.optional !== true);
  return [...Object.keys({ ...dependencies, ...optionalDependencies }), ...peers];
}

/** As Node looks for it: beside the package that needs it, then one folder further up. */
function resolvedFrom(from: string, name: string, all: Packages): string | undefined {
  for (let folder = from; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf("node_modules/") - 1))) {
    const path = `${folder === "" ? "" : `${folder}/`}node_modules/${name}`;
    if (path in all) return path;
    if (folder === "") return undefined;
  }
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length);
}

function read<T = Manifest>(file: string): T {
  return JSON.parse(readFileSync(join(root, file), "utf8")) as T;
}
