import type { ExecutionStore } from "../../local/engine/execution.ts";
import type { JournalEntry } from "../../local/engine/history.ts";
import type { ExecutionRecord } from "../../local/engine/run.ts";

export interface Kept {
  readonly record: ExecutionRecord;
  readonly entries: JournalEntry[];
}

/** A store as a file would be: what comes out went through JSON. */
export function memoryStore(kept: Kept[] = []): ExecutionStore & { readonly kept: Kept[] } {
  return {
    kept,
    begin: (record) => kept.push({ record, entries: [] }),
    append(executionArn, entry) {
      kept.find(({ record }) => record.executionArn === executionArn)?.entries.push(entry);
    },
    load: () => JSON.parse(JSON.stringify(kept)),
    together: (work) => work(),
  };
}
