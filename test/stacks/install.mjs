// Installs the platform of SST (.sst/platform: Pulumi's SDK, the AWS provider's types, SST's components) from the npm registry
// alone: no credentials, no Pulumi, nothing from elsewhere. SST's own lock file for it is bun's, so bun comes from npm, too.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const PROJECT = fileURLToPath(new URL("../../", import.meta.url));
const BUN = "1.2.1";
const platform = join(PROJECT, ".sst", "platform");

/** Installs the platform of the SST that is installed, unless it is there. Throws with npm's or SST's own words. */
export function ensurePlatform() {
  if (isPlatformInstalled()) return;
  process.stderr.write("Installing the platform of SST into .sst (from the npm registry); this happens once.\n");
  const bun = installBun();
  const environment = { SST_SKIP_DEPENDENCY_CHECK: "1", SST_TELEMETRY_DISABLED: "1" };
  // Without bun SST takes npm: a minute instead of seconds, and no lock file.
  const how = bun === undefined ? { SST_NO_BUN: "1" } : { SST_BUN_PATH: bun };
  run(join(PROJECT, "node_modules", ".bin", "sst"), ["install", "--stage", "test"], { ...environment, ...how });
  if (!isPlatformInstalled())
    throw new Error("sst install ended well, yet .sst/platform is not complete: remove .sst.");
}

function isPlatformInstalled() {
  try {
    const version = readFileSync(join(platform, "version"), "utf8").trim();
    const wanted = JSON.parse(readFileSync(join(PROJECT, "node_modules", "sst", "package.json"), "utf8")).version;
    return version === wanted && existsSync(join(platform, "node_modules", "@pulumi", "aws", "package.json"));
  } catch {
    return false;
  }
}

/** The path of bun for this platform; undefined where npm has none. */
function installBun() {
  const os = { linux: "linux", darwin: "darwin" }[process.platform];
  const cpu = { x64: "x64", arm64: "aarch64" }[process.arch];
  if (os === undefined || cpu === undefined) return undefined;
  const home = join(PROJECT, ".sst", "bun");
  const binary = join(home, "node_modules", "@oven", `bun-${os}-${cpu}`, "bin", "bun");
  if (!existsSync(binary)) {
    const name = `@oven/bun-${os}-${cpu}@${BUN}`;
    run("npm", ["install", "--no-save", "--no-audit", "--no-fund", "--prefix", home, name], {});
  }
  return binary;
}

function run(command, args, environment) {
  const { status, error, stdout, stderr } = spawnSync(command, args, {
    cwd: PROJECT,
    env: { ...process.env, ...environment },
    encoding: "utf8",
  });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`${command} ${args.join(" ")} ended with status ${status}:\n${stdout}${stderr}`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) ensurePlatform();
