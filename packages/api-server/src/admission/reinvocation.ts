/** Whether plugins have to see a request again, because one of them changed it after others had seen it. */
export class Reinvocation {
  #isNeeded = false;
  #isAgain = false;
  readonly #called = new Set<string>();
  #repeated: ReadonlySet<string> = new Set();

  /** The request is being seen for the second time. */
  get isAgain(): boolean {
    return this.#isAgain;
  }

  get isNeeded(): boolean {
    return this.#isNeeded;
  }

  /** Begins the second round. */
  begin(): void {
    this.#isAgain = true;
  }

  /** In the second round, only webhooks that asked for it, and after which something has changed, are called. */
  isSkipped(webhook: string): boolean {
    return this.#isAgain && !this.#repeated.has(webhook);
  }

  /** `webhook` was called, and wants to see what others change after it. */
  noteCalled(webhook: string): void {
    this.#called.add(webhook);
  }

  /** Something has changed since those who are noted were called. */
  noteChange(): void {
    if (this.#isAgain) return;
    this.#isNeeded = true;
    this.#repeated = new Set([...this.#repeated, ...this.#called]);
  }
}
