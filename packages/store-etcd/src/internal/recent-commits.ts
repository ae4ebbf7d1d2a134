// Hot path: `add` for every commit of the cluster.
import type { Key, Revision } from '@keelson/store';
import { keyOf, type Commit, type HistoryPiece } from '@keelson/store/driver';

const MAX_COMMITS = 8_192;
const MAX_BYTES = 16 * 1024 * 1024;
const COMMITS_A_PIECE = 512;

/** The newest commits without a gap, for watches that start a moment ago. */
export class RecentCommits {
  #since: Revision;
  /** The commit of revision `#since + 1` is at `#start`. */
  #commits: (Commit & { readonly bytes: number })[] = [];
  #start = 0;
  #bytes = 0;

  /** All commits after `since` will be added. */
  constructor(since: Revision) {
    this.#since = since;
  }

  /** The commits after this revision are here. */
  get since(): Revision {
    return this.#since;
  }

  /** Adds the commit that follows the last one. */
  add(commit: Commit): void {
    let bytes = 0;
    for (const event of commit.events) {
      bytes += event.previous?.value.length ?? 0;
      if (event.type === 'put') bytes += event.entry.value.length;
    }
    this.#commits.push({ ...commit, bytes });
    this.#bytes += bytes;
    while (this.#commits.length - this.#start > MAX_COMMITS || this.#bytes > MAX_BYTES) this.#forgetOldest();
  }

  /** A piece of the commits after `after` that touch the prefix; undefined if they are not all here. */
  read(prefix: Key, after: Revision, upTo: Revision): HistoryPiece | undefined {
    if (after < this.#since) return undefined;
    const from = this.#start + after - this.#since;
    const piece = this.#commits.slice(from, Math.min(from + COMMITS_A_PIECE, this.#start + upTo - this.#since));
    return { commits: piece.flatMap((commit) => under(prefix, commit)), through: piece.at(-1)?.revision ?? upTo };
  }

  /** Forgets all; commits after `since` will be added. */
  reset(since: Revision): void {
    this.#since = since;
    this.#commits = [];
    this.#start = 0;
    this.#bytes = 0;
  }

  #forgetOldest(): void {
    const oldest = this.#commits[this.#start];
    if (!oldest) return;
    this.#bytes -= oldest.bytes;
    this.#since = oldest.revision;
    this.#start += 1;
    if (this.#start < MAX_COMMITS) return;
    this.#commits = this.#commits.slice(this.#start);
    this.#start = 0;
  }
}

/** What of a commit is under a prefix: one commit, or none. */
export function under(prefix: Key, { revision, events }: Commit): Commit[] {
  const own = events.filter((event) => keyOf(event).startsWith(prefix));
  return own.length === 0 ? [] : [{ revision, events: Object.freeze(own) }];
}
