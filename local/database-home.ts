import { randomBytes } from "node:crypto";
import { type FileHandle, mkdtemp, open, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { giveTo, type User } from "./database-user.ts";

/** The directory of one server. */
export interface Home {
  readonly path: string;
  readonly log: FileHandle;
  /** The superuser's. */
  readonly password: string;
}

/**
 * Makes the directory, its log and a new password, all readable by the server's user only. Nothing stays behind when it fails.
 * @throws Error with one sentence to act on where no directory can be made
 */
export async function prepareHome(directory: string, user: User | undefined): Promise<Home> {
  const home = await mkdtemp(join(directory, "rotor-postgres-")).catch((error: unknown) => {
    throw noDirectory(directory, error);
  });
  const password = randomBytes(24).toString("base64url");
  const logPath = join(home, "server.log");
  let logFile: FileHandle | undefined;
  try {
    await giveTo(user, home);
    logFile = await open(logPath, "a+", 0o600);
    await giveTo(user, logPath);
    // Not on the command line, where all users of the machine would see it; removed before the server starts.
    await writeFile(join(home, "password"), password, { mode: 0o600 });
    await giveTo(user, join(home, "password"));
    return { path: home, log: logFile, password };
  } catch (error) {
    await logFile?.close();
    await rm(home, { recursive: true, force: true });
    throw noDirectory(directory, error);
  }
}

// --- internal ---

function noDirectory(directory: string, error: unknown): Error {
  const { code } = error as NodeJS.ErrnoException;
  return new Error(
    `PostgreSQL needs a directory, and none can be made in ${directory} (${code ?? "unknown"}): set TMPDIR to a directory that can be written.`,
  );
}
