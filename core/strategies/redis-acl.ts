import { createHash } from "node:crypto";
import { RotationError } from "../errors.ts";
import { pairs, type RedisSession } from "./redis-connection.ts";
import { codeOf, NO_ACL_FILE } from "./redis-errors.ts";

type Caller = Pick<RedisSession, "call">;

/** What of a user matters here. */
export interface AclUser {
  /** One for each password, in the order in which they were added. */
  readonly hashes: readonly string[];
  /** Any password is accepted. */
  readonly isNoPass: boolean;
}

/** How the server keeps a password: SHA-256 in hexadecimal, without a salt. `#<hash>` adds it, `!<hash>` takes it away. */
export function passwordHash(password: string): string {
  return createHash("sha256").update(password).digest("hex");
}

/** @returns undefined when there is no such user */
export async function readUser(session: Caller, username: string): Promise<AclUser | undefined> {
  const reply = await session.call("ACL GETUSER", username);
  if (reply === null) {
    return undefined;
  }
  const user = pairs(reply);
  const hashes = user.get("passwords");
  const flags = user.get("flags");
  return {
    hashes: Array.isArray(hashes) ? hashes.map(String) : [],
    isNoPass: Array.isArray(flags) && flags.includes("nopass"),
  };
}

/**
 * Changes the user's passwords, all or none, and nothing else of them. Sessions stay open.
 * @param changes "#<hash>" and "!<hash>", done in this order
 * @throws RotationError TargetUnavailable when a password that is to be taken away is not there (any more)
 */
export async function changePasswords(session: Caller, username: string, changes: readonly string[]): Promise<void> {
  await session.call("ACL SETUSER", username, ...changes);
}

/**
 * Has the server write its users, as they are now, to the ACL file that it reads when it starts.
 *
 * Nothing else does: after a CONFIG REWRITE a server whose users stand in an included file does not start again, and a
 * `requirepass` that is changed in the file later has no effect.
 * @throws RotationError AccessDenied, TargetUnavailable (the file cannot be written), ConfigurationInvalid (there is none)
 */
export async function saveUsers(session: Caller): Promise<void> {
  try {
    await session.call("ACL SAVE");
  } catch (error) {
    if (!(error instanceof RotationError) || codeOf(error) !== NO_ACL_FILE) throw error;
    throw new RotationError(
      error.name,
      `${error.message} Its next restart would bring back the passwords of before. Move its users, default too, to a file, and name that with aclfile.`,
      { cause: error.cause },
    );
  }
}

/** How many replicas are connected; undefined when we may not ask. */
export async function countReplicas(session: Caller): Promise<number | undefined> {
  try {
    const role = await session.call("ROLE");
    const replicas: unknown = Array.isArray(role) && role[0] === "master" ? role[2] : [];
    return Array.isArray(replicas) ? replicas.length : 0;
  } catch (error) {
    if (error instanceof RotationError && error.name === "AccessDenied") return undefined;
    throw error;
  }
}
