import { closeSync } from "node:fs";
import { appendLine, type Change, compacted, readChanges } from "./journal-file.ts";
import { lockJournal } from "./journal-lock.ts";
import type { Place } from "./services/service.ts";

/**
 * What outlives the process: entities of any kind by key, each as it was last put. A put is in the operating system's hands when
 * it returns, so nothing that follows from a change, a reply to a client least of all, comes before its record: kill -9 loses
 * nothing. The loss of power may, because no append is forced to the disk.
 */
export interface Journal {
  /** What an earlier process left of a kind, oldest first. Each kind is handed out once. */
  kept<T>(kind: string): readonly T[];
  /** `value` is written as JSON, a Map as its entries. */
  put(kind: string, key: string, value: unknown): void;
  /** May be repeated. */
  remove(kind: string, key: string): void;
  /**
   * What the synchronous `work` puts and removes is kept as a whole or not at all, when it ends, even by throwing. Nothing that
   * can be seen from outside may be done in it.
   */
  together<T>(work: () => T): T;
  /** Nothing is written any more, and another process may open it. May be repeated. */
  close(): void;
}

/** Keeps nothing. */
export const NO_JOURNAL: Journal = {
  kept: () => [],
  put() {},
  remove() {},
  together: (work) => work(),
  close() {},
};

/**
 * Opens the journal in a directory, which is made if it is not there, and writes it anew without what is out of date.
 * @throws Error "JournalInUse": another process, or another account of this one, has it open
 * @throws Error "JournalRefused": of another format, version or account, or damaged
 */
export function openJournal(directory: string, place: Place): Journal {
  const unlock = lockJournal(directory);
  try {
    const kept = readChanges(directory, place);
    return journalOn(compacted(directory, place, kept), kept, unlock);
  } catch (error) {
    unlock();
    throw error;
  }
}

// --- internal ---

function journalOn(file: number, changes: readonly Change[], unlock: () => void): Journal {
  const kept = new Map<string, unknown[]>();
  for (const change of changes) {
    const [kind, , value] = change;
    const values = kept.get(kind);
    if (values === undefined) kept.set(kind, [value]);
    else values.push(value);
  }
  /** By kind and key: of what is put twice together, the last counts. */
  const pending = new Map<string, Change>();
  let depth = 0;
  let failure: Error | undefined;
  let closed = false;

  return {
    kept<T>(kind: string) {
      const values = kept.get(kind) ?? [];
      kept.delete(kind);
      return values as T[];
    },
    put: (kind, key, value) => note([kind, key, value]),
    remove: (kind, key) => note([kind, key]),
    together(work) {
      depth += 1;
      try {
        return work();
      } finally {
        depth -= 1;
        flush();
      }
    },
    close() {
      if (closed) return;
      closed = true;
      closeSync(file);
      unlock();
    },
  };

  function note(change: Change): void {
    const [kind, key] = change;
    pending.set(`${kind} ${key}`, change);
    flush();
  }

  function flush(): void {
    if (depth > 0 || pending.size === 0) return;
    const changes = [...pending.values()];
    pending.clear();
    if (closed) return;
    // What could not be written whole may have left half a line: no other may follow it.
    if (failure !== undefined) throw failure;
    try {
      appendLine(file, changes);
    } catch (error) {
      failure = new Error("The account's journal cannot be written, and nothing more is kept.", { cause: error });
      failure.name = "JournalUnwritable";
      throw failure;
    }
  }
}
