// Runs before anything is installed: Node's own modules only.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const OLDEST = [20, 19];
const root = fileURLToPath(new URL("../", import.meta.url));
const stamp = `${root}node_modules/.rotor-lock`;

/**
 * Makes sure that what package-lock.json lists is installed, and runs `npm ci` when it is not. Cheap when all is there.
 * Ends the process with a sentence when Node is too old or npm fails.
 */
export function ensureInstalled() {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  if (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1])) {
    fail(
      `Rotor needs Node ${OLDEST.join(".")} or later, and this is ${process.versions.node}. Install a newer Node and try again.`,
    );
  }
  const lock = createHash("sha256")
    .update(readFileSync(`${root}package-lock.json`))
    .digest("hex");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === lock) return;
  // npm's own record of what it has installed: written by `npm ci` and `npm install` that somebody ran by hand.
  if (!isInstalledByHand()) {
    process.stderr.write("Installing what package-lock.json lists (npm ci) ...\n");
    const npm = spawnSync("npm", ["ci", "--no-audit", "--no-fund"], {
      cwd: root,
      stdio: ["ignore", 2, 2],
      shell: process.platform === "win32",
    });
    if (npm.error !== undefined)
      fail(`npm could not be started (${npm.error.code}). Install npm, run "npm ci", and try again.`);
    if (npm.status !== 0) fail('"npm ci" failed; its reason is above. Mend that, and try again.');
  }
  try {
    writeFileSync(stamp, lock);
  } catch {
    // A folder that cannot be written is looked at again next time.
  }
}

/** Whether every package of the lock file is there in its version; optional ones may be missing. */
function isInstalledByHand() {
  try {
    const wanted = JSON.parse(readFileSync(`${root}package-lock.json`, "utf8")).packages;
    const found = JSON.parse(readFileSync(`${root}node_modules/.package-lock.json`, "utf8")).packages;
    return Object.entries(wanted).every(
      ([path, { version, optional }]) =>
        path === "" || found[path]?.version === version || (optional && found[path] === undefined),
    );
  } catch {
    return false;
  }
}

function fail(sentence) {
  process.stderr.write(`${sentence}\n`);
  process.exit(1);
}
