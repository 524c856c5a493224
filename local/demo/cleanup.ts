/** What has been started, to be ended in the opposite order. */
export class Cleanup implements AsyncDisposable {
  readonly #all: AsyncDisposable[] = [];
  #done: Promise<void> | undefined;

  add<T extends AsyncDisposable>(disposable: T): T {
    this.#all.push(disposable);
    return disposable;
  }

  /**
   * Ends everything, also when the end of one fails. May be repeated, at the same time too.
   * @throws the first failure
   */
  [Symbol.asyncDispose](): Promise<void> {
    this.#done ??= this.#end();
    return this.#done;
  }

  async #end(): Promise<void> {
    const failures: unknown[] = [];
    for (const disposable of this.#all.toReversed()) {
      try {
        await disposable[Symbol.asyncDispose]();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  }
}
