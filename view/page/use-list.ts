import { useEffect, useRef, useState } from "preact/hooks";
import type { ListPart, RunRow, SecretRow } from "../wire.ts";
import { type Connection, listen } from "./api.ts";

export interface ListShown {
  readonly secrets: readonly SecretRow[];
  /** Newest first. */
  readonly runs: readonly RunRow[];
  readonly more: boolean;
  readonly reading: string | null;
  readonly problem: string | null;
  /** Whether anything has come yet. */
  readonly isRead: boolean;
}

/** Follows the list for as long as the page is open. */
export function useList(onConnection: (to: Connection) => void): ListShown {
  const secrets = useRef(new Map<string, SecretRow>());
  const runs = useRef(new Map<string, RunRow>());
  const [shown, setShown] = useState<ListShown>({
    ...{ secrets: [], runs: [], more: false, reading: null, problem: null, isRead: false },
  });
  useEffect(
    () =>
      listen({
        path: () => "list/live",
        connection: onConnection,
        on: {
          part: (data) => {
            const { readAt: _, gone, more, reading, problem, ...rows } = data as ListPart;
            for (const name of gone) {
              secrets.current.delete(name);
              runs.current.delete(name);
            }
            for (const row of rows.secrets) secrets.current.set(row.arn, row);
            for (const row of rows.runs) runs.current.set(row.name, row);
            setShown({
              secrets: [...secrets.current.values()].sort(
                (a, b) => compare(urgency(b), urgency(a)) || compare(a.name, b.name),
              ),
              runs: [...runs.current.values()].sort((a, b) => compare(b.startedAt ?? "", a.startedAt ?? "")),
              ...{ more, reading, problem, isRead: true },
            });
          },
        },
      }),
    [onConnection],
  );
  return shown;
}

// --- internal ---

/** What has something to look at comes first. */
function urgency({ states }: SecretRow): number {
  return Number(states.length > 0);
}

function compare<T extends string | number>(a: T, b: T): number {
  return a < b ? -1 : Number(a > b);
}
