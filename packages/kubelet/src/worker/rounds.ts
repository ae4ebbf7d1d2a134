interface Round {
  running: Promise<void>;
  next: Promise<void> | undefined;
}

/** Runs a task for each key, never twice at a time: whoever asks while one is running waits for the next, together with all others. */
export class Rounds {
  readonly #task: (key: string) => Promise<void>;
  readonly #rounds = new Map<string, Round>();

  /** `task` must not reject. */
  constructor(task: (key: string) => Promise<void>) {
    this.#task = task;
  }

  /** Resolves when a round that begins after this call has ended. */
  next(key: string): Promise<void> {
    const round = this.#rounds.get(key);
    if (!round) return this.#begin(key);
    round.next ??= round.running.then(() => this.#begin(key));
    return round.next;
  }

  /** Whether one is asked for that has not begun yet. */
  isWaiting(key: string): boolean {
    return this.#rounds.get(key)?.next !== undefined;
  }

  #begin(key: string): Promise<void> {
    const round: Round = { running: Promise.resolve(), next: undefined };
    this.#rounds.set(key, round);
    round.running = this.#task(key).finally(() => {
      if (!round.next) this.#rounds.delete(key);
    });
    return round.running;
  }
}
