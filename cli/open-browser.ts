import { spawn } from "node:child_process";
import { once } from "node:events";

/** Has the desktop open an address. Whether it could be asked; what comes of that is not waited for. */
export async function openBrowser(url: string): Promise<boolean> {
  const [program = "", ...args] = OPENERS[process.platform] ?? ["xdg-open"];
  const child = spawn(program, [...args, url], { stdio: "ignore", detached: true });
  child.unref();
  return await once(child, "spawn").then(
    () => true,
    () => false,
  );
}

// --- internal ---

const OPENERS: Readonly<Partial<Record<NodeJS.Platform, readonly string[]>>> = {
  darwin: ["open"],
  // The first text in quotes would be the window's title.
  win32: ["cmd", "/c", "start", ""],
};
