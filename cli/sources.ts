import { existsSync } from "node:fs";
import { CliError } from "./cli-error.ts";
import { EXIT } from "./exit-status.ts";

/**
 * Loads a module of the embedded account. It runs from a clone: what it needs, PostgreSQL's programs among it, is no part of the
 * package, which has no dependencies.
 *
 * @param path from the clone's root, such as "local/serve.ts"
 * @throws CliError this is no clone
 */
export async function loadSource<T>(path: string): Promise<T> {
  // Above this folder, and above that of the bundle.
  const file = new URL(`../${path}`, import.meta.url);
  if (!existsSync(file)) {
    throw new CliError(
      EXIT.environment,
      "This needs a clone of Rotor: the package has the commands for AWS only.",
      "in a clone: npm start for the demo, npm run rotor -- local for an account",
    );
  }
  // Known to tsx: nothing is left behind in the directory for temporary files.
  process.env["TSX_DISABLE_CACHE"] = "1";
  const { register } = await import("tsx/esm/api");
  register();
  return (await import(file.href)) as T;
}
