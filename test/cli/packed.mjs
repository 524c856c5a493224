// The package of the CLI, made and run as docs/cli.md says: node test/cli/packed.mjs. It leaves nothing behind.
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const PROJECT = fileURLToPath(new URL("../../", import.meta.url));
const execute = promisify(execFile);
const own = await mkdtemp(join(tmpdir(), "rotor-packed-"));
let account;
try {
  const { version, engines } = JSON.parse(await readFile(join(PROJECT, "package.json"), "utf8"));

  await execute("npm", ["run", "pack", "--", "--pack-destination", own], { cwd: PROJECT });
  const tarball = join(own, `rotor-${version}.tgz`);
  await execute("tar", ["-xzf", tarball, "-C", own]);
  const packed = (await readdir(join(own, "package"), { recursive: true })).sort();
  assert.deepEqual(packed, ["LICENSE", "README.md", "THIRD-PARTY-LICENSES", "package.json", "rotor.mjs"]);
  const {
    name,
    license,
    bin,
    engines: needed,
    ...rest
  } = JSON.parse(await readFile(join(own, "package", "package.json"), "utf8"));
  assert.deepEqual(
    { name, license, bin, needed },
    { name: "rotor", license: "Apache-2.0", bin: { rotor: "rotor.mjs" }, needed: engines },
  );
  assert.deepEqual(
    Object.keys(rest).filter((key) => /dependencies|scripts/i.test(key)),
    [],
  );

  await execute("npm", ["pack", "--pack-destination", join(own, "package")], { cwd: PROJECT });
  await execute("tar", ["-xzf", join(own, "package", `rotor-${version}.tgz`), "-C", join(own, "package")]);
  const whole = JSON.parse(await readFile(join(own, "package", "package", "package.json"), "utf8"));
  const program = join(own, "package", "package", whole.bin.rotor);
  assert.equal((await execute(process.execPath, [program, "--version"])).stdout, `${version}\n`);

  // Offline, with an empty cache, away from the clone: there is nothing else that could be run.
  const { PATH } = process.env;
  const npm = { npm_config_cache: join(own, "cache"), npm_config_offline: "true", npm_config_update_notifier: "false" };
  const alone = { PATH, HOME: own, ...npm };
  const rotor = async (args, env = {}) => {
    const options = { cwd: own, env: { ...alone, ...env } };
    return await execute("npx", ["--yes", "-p", tarball, "rotor", ...args], options).then(
      ({ stdout, stderr }) => ({ status: 0, stdout, stderr }),
      ({ code, stdout, stderr }) => ({ status: code, stdout, stderr }),
    );
  };
  assert.deepEqual(await rotor(["--version"]), { status: 0, stdout: `${version}\n`, stderr: "" });

  account = spawn(process.execPath, [join(PROJECT, "cli/start.mjs"), "local", "--output", "json", "--quiet"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [told] = await Promise.race([once(account.stdout, "data"), once(account, "exit").then(() => [""])]);
  const { environment } = JSON.parse(told);
  const { status, stdout, stderr } = await rotor(["secrets", "--all", "--output", "json"], environment);
  assert.deepEqual([status, stderr], [0, ""]);
  const { schema, secrets } = JSON.parse(stdout);
  assert.deepEqual([schema, secrets.map((each) => each.name)], ["rotor.secrets/1", ["rotor/heartbeat"]]);
  assert.equal((await rotor(["show", "nothing"], environment)).status, 253);
  console.log(`The package of ${version} has ${packed.join(", ")}, and runs on ${process.version}.`);
} finally {
  if (account?.exitCode === null) {
    account.kill("SIGINT");
    await once(account, "exit");
  }
  await rm(own, { recursive: true, force: true });
}
