import type { NameCheck } from '@keelson/api';

/** Hot path: a check of texts that remembers the last good ones. */
export class CheckedTexts {
  readonly #check: NameCheck;
  readonly #capacity: number;
  readonly #good = new Set<string>();

  constructor(check: NameCheck, capacity = 4_096) {
    this.#check = check;
    this.#capacity = capacity;
  }

  /** What is wrong with the text. */
  check(text: string): readonly string[] {
    if (this.#good.has(text)) return NONE;
    const messages = this.#check(text);
    if (messages.length > 0) return messages;
    if (this.#good.size >= this.#capacity) this.#good.clear();
    this.#good.add(text);
    return NONE;
  }
}

const NONE: readonly string[] = [];
