import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/**
 * Takes the lock of a journal's directory, which is made if it is not there, and returns what gives it back. A lock whose process
 * is gone, as after kill -9, is taken over.
 * @throws Error "JournalInUse"
 */
export function lockJournal(directory: string): () => void {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const lock = join(directory, "lock");
  const own = `${process.pid} ${whenBegun(process.pid) ?? ""}`;
  // A link appears together with its content.
  const draft = `${lock}.${process.pid}`;
  writeFileSync(draft, own, { mode: 0o600 });
  try {
    while (!link(draft, lock)) removeDead(directory, lock);
  } finally {
    rmSync(draft, { force: true });
  }
  return () => {
    if (read(lock) === own) rmSync(lock, { force: true });
  };
}

// --- internal ---

/** @throws Error "JournalInUse" when its process lives */
function removeDead(directory: string, lock: string): void {
  const holder = read(lock);
  if (holder === undefined) return;
  if (isAlive(holder)) throw inUse(directory, holder);
  const removed = `${lock}.${process.pid}.dead`;
  try {
    renameSync(lock, removed);
  } catch {
    return; // another process was faster
  }
  const found = read(removed);
  // Another process was faster still, and has taken it meanwhile.
  if (found !== holder) link(removed, lock);
  rmSync(removed, { force: true });
}

function link(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** Where the system tells when a process began, another one that has got its number is not taken for it. */
function isAlive(holder: string): boolean {
  const [pid = "", begun = ""] = holder.split(" ");
  try {
    process.kill(Number(pid), 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
  const now = whenBegun(Number(pid));
  return now === undefined || now === begun;
}

/** In ticks since the system's own start, from Linux's proc(5): the state, then the twentieth field from it. */
function whenBegun(pid: number): string | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    // A zombie has ended; only nobody has asked how.
    return fields[0] === "Z" ? "ended" : fields[19];
  } catch {
    return undefined;
  }
}

function inUse(directory: string, holder: string): Error {
  const [pid] = holder.split(" ");
  const error = new Error(
    `The journal in ${directory} is in use by process ${pid}: end that one, or name another directory. ` +
      "If no embedded account runs there, remove the file named lock.",
  );
  error.name = "JournalInUse";
  return error;
}
