import type { Key, Revision } from '../store.ts';
import { Timeline } from './timeline.ts';
import type { Commit } from './watch-hub.ts';

/** What a `MemoryStore` has. */
export class MemoryContents {
  revision: Revision = 1;
  compacted: Revision = 0;
  timeline = new Timeline();
  /** The commits after `compacted`, oldest first. */
  commits: Commit[] = [];
  /** Which keys expire at which second, if their revision is still the one given. */
  expiring = new Map<number, Map<Key, Revision>>();

  /** A copy: values and commits, which never change, are shared. */
  fork(): MemoryContents {
    const fork = new MemoryContents();
    fork.revision = this.revision;
    fork.compacted = this.compacted;
    fork.timeline = this.timeline.fork();
    fork.commits = [...this.commits];
    for (const [second, keys] of this.expiring) fork.expiring.set(second, new Map(keys));
    return fork;
  }
}
