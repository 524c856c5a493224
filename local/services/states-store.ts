import { createHash } from "node:crypto";
import type { ExecutionStore } from "../engine/execution.ts";
import type { JournalEntry } from "../engine/history.ts";
import type { ExecutionRecord } from "../engine/run.ts";
import type { Journal } from "../journal.ts";

const DEFINITION = "definition";
const EXECUTION = "execution";
const EVENT = "execution-event";

/** Executions in the journal: what each began with, and one entry for each event. A definition is kept once, by its digest. */
export function createExecutionStore(journal: Journal): ExecutionStore {
  const definitions = new Map(journal.kept<Definition>(DEFINITION).map(({ digest, text }) => [digest, text]));

  return {
    begin(record) {
      const digest = createHash("sha256").update(record.definition).digest("hex");
      if (!definitions.has(digest)) journal.put(DEFINITION, digest, { digest, text: record.definition });
      definitions.set(digest, record.definition);
      journal.put(EXECUTION, record.executionArn, { ...record, definition: digest });
    },
    append(executionArn, entry) {
      journal.put(EVENT, `${executionArn} ${entry.event.id}`, { executionArn, entry });
    },
    load() {
      const entries = new Map<string, JournalEntry[]>();
      for (const { executionArn, entry } of journal.kept<KeptEvent>(EVENT)) {
        const known = entries.get(executionArn);
        if (known === undefined) entries.set(executionArn, [entry]);
        else known.push(entry);
      }
      return journal.kept<ExecutionRecord>(EXECUTION).map((record) => ({
        record: { ...record, definition: definitions.get(record.definition) ?? "" },
        entries: entries.get(record.executionArn) ?? [],
      }));
    },
    together: journal.together,
  };
}

// --- internal ---

interface Definition {
  readonly digest: string;
  readonly text: string;
}

interface KeptEvent {
  readonly executionArn: string;
  readonly entry: JournalEntry;
}
