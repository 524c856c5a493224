// The default test run: installs what is missing, then hands over to Vitest. Arguments go to Vitest as they are.
import { spawn } from "node:child_process";
import { ensureInstalled } from "../local/install.mjs";

await ensureInstalled();
const vitest = new URL("../node_modules/vitest/vitest.mjs", import.meta.url).pathname;
const child = spawn(process.execPath, [vitest, "run", ...process.argv.slice(2)], {
  stdio: "inherit",
  env: { ...process.env, AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: "true" },
});
child.on("exit", (code, signal) => {
  process.exitCode = signal === null ? (code ?? 1) : 1;
});
