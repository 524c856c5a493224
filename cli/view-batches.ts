import type { WireEvent } from "../view/wire.ts";

/** So many events at most are in one message: what a page takes in without freezing. */
const MOST = 2000;

/** Events after a known one, oldest first, in messages. Those that are added meanwhile are among them. */
export function* batchesAfter(events: readonly WireEvent[], known: number): Generator<readonly WireEvent[]> {
  let seen = known;
  for (;;) {
    const index = events.findLastIndex(({ id }) => id <= seen) + 1;
    const batch = events.slice(index, index + MOST);
    const last = batch.at(-1);
    if (last === undefined) return;
    yield batch;
    seen = last.id;
  }
}
