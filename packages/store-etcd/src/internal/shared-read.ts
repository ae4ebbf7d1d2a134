/**
 * One read for all who ask while another is on its way. Who asks gets the answer of a read that has begun after they asked, so it is as new
 * as one of their own.
 */
export class SharedRead<T> {
  readonly #read: () => Promise<T>;
  #running: Promise<unknown> | undefined;
  #next: Promise<T> | undefined;

  constructor(read: () => Promise<T>) {
    this.#read = read;
  }

  get(): Promise<T> {
    if (!this.#running) return this.#start();
    return (this.#next ??= this.#running.then(() => {
      this.#next = undefined;
      return this.#start();
    }));
  }

  #start(): Promise<T> {
    const read = this.#read();
    const running: Promise<void> = read
      .then(
        () => undefined,
        () => undefined,
      )
      .then(() => {
        if (this.#running === running) this.#running = undefined;
      });
    this.#running = running;
    return read;
  }
}
