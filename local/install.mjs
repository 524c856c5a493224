// Makes sure that what a fresh clone lacks is there. Plain JavaScript on Node alone: it runs before anything is installed,
// and on a Node that may be too old for the rest.
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"];
const PROJECT = dirname(dirname(fileURLToPath(import.meta.url)));

/**
 * Returns when this Node can run the project and its packages are those of package-lock.json; installs them with
 * `npm ci` if they are not. What it cannot put right it says in one sentence, and ends the process with status 1.
 */
export async function ensureInstalled() {
  const old = tooOld(process.versions.node);
  if (old) return giveUp(old);
  if (isInstalled(PROJECT)) return;
  process.stderr.write("Installing the packages of package-lock.json (npm ci); this happens once.\n");
  const install = await installPackages();
  if (install.error) {
    return giveUp(`npm could not be started (${install.error.code}): install it with Node.js, then try again.`);
  }
  if (install.signal) return giveUp(`npm ci was ended by ${install.signal}: run \`npm ci\` again.`);
  if (install.status !== 0) return giveUp(`npm ci failed with status ${install.status}; its own message is above.`);
  if (!isInstalled(PROJECT)) {
    giveUp(
      "npm ci ended well, yet node_modules is not what package-lock.json says: remove node_modules and try again.",
    );
  }
}

/** Runs npm ci. A signal that ends us ends it first, so that no half installation goes on behind anybody's back. */
function installPackages() {
  return new Promise((resolve) => {
    // npm's own output belongs on the screen, and not into what the command itself prints.
    const npm = spawn("npm", ["ci", "--no-audit", "--no-fund"], { cwd: PROJECT, stdio: ["ignore", 2, 2] });
    const forward = (signal) => npm.kill(signal);
    for (const signal of SIGNALS) process.on(signal, forward);
    const end = (result) => {
      for (const signal of SIGNALS) process.off(signal, forward);
      resolve(result);
    };
    npm.on("error", (error) => end({ error }));
    npm.on("exit", (status, signal) => end({ status, signal }));
  });
}

/** What to say about a Node that is too old; undefined for one that will do. */
export function tooOld(version) {
  const [major, minor] = version.split(".").map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return undefined;
  return `Rotor needs Node.js 20.19 or newer, and this is ${version}: install a newer one (https://nodejs.org) and try again.`;
}

/**
 * Whether node_modules holds the versions that package-lock.json names. npm leaves its own list of what it has put there;
 * packages for other platforms are in the one and not in the other.
 */
export function isInstalled(project) {
  try {
    const wanted = packagesOf(join(project, "package-lock.json"));
    const present = packagesOf(join(project, "node_modules", ".package-lock.json"));
    return Object.entries(wanted).every(([path, { version, optional }]) => {
      if (path === "") return true;
      const found = present[path];
      if (found === undefined) return optional === true;
      return found.version === version && existsSync(join(project, path));
    });
  } catch {
    return false;
  }
}

function packagesOf(file) {
  return JSON.parse(readFileSync(file, "utf8")).packages;
}

function giveUp(sentence) {
  process.stderr.write(`${sentence}\n`);
  process.exit(1);
}
