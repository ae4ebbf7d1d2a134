import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { assert } from '@keelson/base';
import { LmdbStore } from '../lmdb-store.ts';
import type { StoreEvent } from '../store.ts';

export interface CrashRound {
  /** Commits of this round that were acknowledged before the kill. */
  readonly acknowledged: number;
  /** Commits that are in the store. */
  readonly found: number;
}

/**
 * Kills processes that write to the store at `path`, and checks after each that everything acknowledged is there, whole, under its
 * revision, and that revisions grow.
 */
export class CrashTest {
  readonly #path: string;
  readonly #acknowledged = new Map<string, number>();
  #revision = 1;
  #round = 0;

  constructor(path: string) {
    this.#path = path;
  }

  /** Lets the process write until it has acknowledged `commits`, and for up to `extraMs` more. */
  async round(commits: number, extraMs: number): Promise<CrashRound> {
    const lines = await this.#writeAndKill(commits, extraMs);
    for (const line of lines) {
      const [revision, id] = line.split(' ');
      assert(Number(revision) > this.#revision && id, `"${line}" was acknowledged under a new revision`);
      assert(!this.#acknowledged.has(id), `"${id}" was acknowledged once`);
      this.#acknowledged.set(id, Number(revision));
    }
    // It must not forget by itself what is being verified.
    const store = await LmdbStore.open({ path: this.#path, historyMs: Infinity, maxHistoryBytes: Infinity });
    const found = await this.#verify(store)
      .then(async (count) => {
        await verifyReplay(store, this.#round);
        await this.#clear(store);
        return count;
      })
      .finally(() => store.close());
    return { acknowledged: lines.length, found };
  }

  async #writeAndKill(commits: number, extraMs: number): Promise<string[]> {
    const script = fileURLToPath(new URL('./crash-writer.test.main.ts', import.meta.url));
    const args = ['--conditions=keelson-source', script, this.#path, `${this.#round++}`];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    await new Promise<void>((resolve) => {
      child.on('close', () => resolve());
      child.stdout.on('data', (chunk: Buffer) => {
        const before = countLines(output);
        output += chunk.toString();
        if (before <= commits && countLines(output) > commits) setTimeout(() => child.kill('SIGKILL'), extraMs);
      });
    });
    assert(child.signalCode === 'SIGKILL', `the writer ended by the kill alone, not by ${child.signalCode ?? child.exitCode}`);
    // The last line may have been cut off by the kill; the first says that the store is open.
    return output.split('\n').slice(1, -1);
  }

  /** So that a long search does not get slower and slower: what was found whole is deleted and forgotten. */
  async #clear(store: LmdbStore): Promise<void> {
    const { entries } = await store.range('');
    for (let at = 0; at < entries.length; at += 200) {
      await store.commit(entries.slice(at, at + 200).map(({ key }) => ({ type: 'delete', key })));
    }
    this.#acknowledged.clear();
    this.#revision = await store.revision();
    await store.compact(this.#revision);
  }

  async #verify(store: LmdbStore): Promise<number> {
    const revision = await store.revision();
    assert(
      revision >= Math.max(this.#revision, ...this.#acknowledged.values()),
      `revision ${revision} is not behind what was acknowledged`,
    );
    this.#revision = revision;
    const left = await store.range('/left/');
    const right = await store.range('/right/');
    assert(left.entries.length === right.entries.length, 'no commit is there by half');
    const found = new Map<string, number>();
    const revisions = new Set<number>();
    for (const [i, entry] of left.entries.entries()) {
      const id = entry.key.slice('/left/'.length);
      const other = right.entries[i];
      assert(other?.key === `/right/${id}` && other.revision === entry.revision, `both keys of "${id}" are there`);
      assert(
        Buffer.from(entry.value).equals(other.value) && new TextDecoder().decode(entry.value).trim().startsWith(id),
        `"${id}" has its value`,
      );
      assert(!revisions.has(entry.revision) && entry.revision <= revision, `revision ${entry.revision} is that of one commit`);
      revisions.add(entry.revision);
      found.set(id, entry.revision);
    }
    for (const [id, at] of this.#acknowledged) assert(found.get(id) === at, `"${id}" is there under revision ${at}`);
    return found.size;
  }
}

/** A watch from any kept revision gives each later commit once, in order, and so leads from the state of then to that of now. */
async function verifyReplay(store: LmdbStore, round: number): Promise<void> {
  const { compacted, revision } = store.stats();
  const first = Math.max(1, compacted);
  for (const from of [first, first + ((round * 7919) % Math.max(1, revision - first)), revision]) {
    const state = new Map((await store.range('', { at: from })).entries.map((entry) => [entry.key, entry.revision]));
    let at = from;
    await new Promise<void>((resolve, reject) => {
      if (from === revision) resolve();
      const subscription = store.watch('', from).subscribe({
        next: (events) => {
          at += 1;
          for (const event of events) follow(state, event, at);
          if (at === revision) resolve();
        },
        error: reject,
      });
      subscription.add(store.progress$.subscribe((seen) => seen === revision && resolve()));
    });
    const now = (await store.range('')).entries;
    assert(
      at === revision && now.length === state.size && now.every((entry) => state.get(entry.key) === entry.revision),
      `a watch from ${from} of ${compacted} to ${revision} led to the state of now`,
    );
  }
}

function follow(state: Map<string, number>, event: StoreEvent, at: number): void {
  if (event.type === 'put') {
    assert(event.entry.revision === at, `commit ${at} came after ${at - 1}`);
    state.set(event.entry.key, at);
  } else {
    assert(event.revision === at, `commit ${at} came after ${at - 1}`);
    state.delete(event.key);
  }
}

function countLines(text: string): number {
  let lines = 0;
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) lines += 1;
  return lines;
}
