/** Work that is done while somebody listens, once for all of them. */
export class Listened {
  readonly #work: (signal: AbortSignal) => Promise<void>;
  readonly #listeners = new Set<() => void>();
  #ending = new AbortController();
  #last: Promise<void> = Promise.resolve();

  /** @param work begun with the first listener, and not before what was begun for others has ended; told by its signal to end with the last */
  constructor(work: (signal: AbortSignal) => Promise<void>) {
    this.#work = work;
  }

  get isListenedTo(): boolean {
    return this.#listeners.size > 0;
  }

  /** There is something new: whoever listens is told. */
  tell(): void {
    for (const listener of this.#listeners) listener();
  }

  /** Yields at once, and whenever there is something new since, however much that is. Ends with the signal. */
  async *listen(signal: AbortSignal): AsyncGenerator<void> {
    let isNew = true;
    let wake = () => {};
    const listener = () => {
      isNew = true;
      wake();
    };
    this.#join(listener);
    signal.addEventListener("abort", listener);
    try {
      while (!signal.aborted) {
        if (isNew) {
          isNew = false;
          yield;
        } else {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      }
    } finally {
      signal.removeEventListener("abort", listener);
      this.#leave(listener);
    }
  }

  #join(listener: () => void): void {
    const isFirst = this.#listeners.size === 0;
    this.#listeners.add(listener);
    if (!isFirst) return;
    this.#ending = new AbortController();
    const { signal } = this.#ending;
    this.#last = this.#last.then(() => (signal.aborted ? undefined : this.#work(signal)));
  }

  #leave(listener: () => void): void {
    this.#listeners.delete(listener);
    if (this.#listeners.size === 0) this.#ending.abort();
  }
}
