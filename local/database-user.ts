import { execFile } from "node:child_process";
import { chown } from "node:fs/promises";
import { promisify } from "node:util";

const run = promisify(execFile);

/** A user of the machine, by number. */
export interface User {
  readonly uid: number;
  readonly gid: number;
}

/**
 * The user to run as, where it is not our own: PostgreSQL refuses root.
 * @throws Error with one sentence to act on: there is no such user, or it cannot run PostgreSQL
 */
export async function serverUser(postgres: string): Promise<User | undefined> {
  const user = process.getuid?.() === 0 ? await unprivilegedUser() : undefined;
  try {
    await run(postgres, ["--version"], { ...user, cwd: "/" });
  } catch (error) {
    const isDenied = (error as NodeJS.ErrnoException).code === "EACCES";
    throw new Error(
      user && isDenied
        ? `PostgreSQL does not run as root, and the user it would run as may not read ${postgres}: run this as an ordinary user, or run \`npm rebuild\`.`
        : `${postgres} does not run on this machine: it needs glibc on Linux, or macOS.`,
    );
  }
  return user;
}

/** Makes a file or directory the server's, where the server has a user of its own. */
export async function giveTo(user: User | undefined, path: string): Promise<void> {
  if (user) {
    await chown(path, user.uid, user.gid);
  }
}

// --- internal ---

async function unprivilegedUser(): Promise<User> {
  for (const name of ["postgres", "nobody"]) {
    try {
      const [uid, gid] = await Promise.all([run("id", ["-u", name]), run("id", ["-g", name])]);
      return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
    } catch {
      // No such user.
    }
  }
  throw new Error(
    "PostgreSQL does not run as root, and there is no user postgres or nobody: run this as an ordinary user.",
  );
}
