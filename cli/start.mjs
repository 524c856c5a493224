// npm run rotor. Plain JavaScript on Node alone: on a fresh clone there is nothing else yet.
import { ensureInstalled } from "../local/install.mjs";

await ensureInstalled();
// Known to the AWS SDK and to tsx: no notice about Node's age, and nothing left behind in the directory for temporary files.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = "true";
process.env.TSX_DISABLE_CACHE = "1";
const { register } = await import("tsx/esm/api");
register();
const { main } = await import("./main.ts");
await main(process.argv.slice(2));
