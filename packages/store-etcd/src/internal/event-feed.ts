// Hot path: every commit of the cluster passes through `#publish`, and every commit of this process waits in `reached`.
import { Backoff, errorMessage, isReason, KeelsonError, type Clock, type Logger } from '@keelson/base';
import type { Key, Revision } from '@keelson/store';
import { WatchHub, type Commit, type HistoryPiece } from '@keelson/store/driver';
import type { EtcdCluster } from './etcd-cluster.ts';
import { RecentCommits, under } from './recent-commits.ts';
import { openWatch, type WatchStream } from './watch-stream.ts';

const COMMITS_A_PIECE = 1_000;
const BYTES_A_PIECE = 4 * 1024 * 1024;
/** How long a commit may be missing before the member that should tell of it is asked for a sign of life. */
const STALL_MS = 1_000;

export interface EventFeedDependencies {
  readonly cluster: EtcdCluster;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The newest revision, as the cluster agrees on it. */
  readonly readRevision: () => Promise<Revision>;
}

interface Waiter {
  readonly endMs: number;
  readonly resolve: () => void;
}

/**
 * Follows the cluster and hands its commits to the watchers, over one watch of etcd for all of them. When that breaks off, it goes on from the
 * next revision, on another member if need be.
 */
export class EventFeed {
  readonly hub: WatchHub;
  /** Up to where history is known to have been compacted: perhaps it has been further, by others. */
  compacted: Revision = 0;
  readonly #deps: EventFeedDependencies;
  readonly #recent: RecentCommits;
  readonly #waiters = new Map<Revision, Waiter[]>();
  readonly #backoff = new Backoff({ initialMs: 50, maxMs: 2_000, jitter: 0.5 });
  #running: Promise<void> | undefined;
  #watch: WatchStream | undefined;
  #stallTimer: Disposable | undefined;

  /** `revision`: from where on to follow. */
  constructor(
    deps: EventFeedDependencies,
    { revision, maxWatchLag }: { readonly revision: Revision; readonly maxWatchLag: number },
  ) {
    this.#deps = deps;
    this.#recent = new RecentCommits(revision);
    const read = this.#readHistory.bind(this);
    this.hub = new WatchHub({ history: { compacted: () => this.compacted, read }, revision, maxWatchLag });
  }

  /** Resolves when the watch stands. Rejects if it is refused. */
  async start(): Promise<void> {
    const watch = await openWatch(this.#deps.cluster, this.hub.revision);
    const began = Promise.withResolvers<void>();
    this.#running = this.#run(watch, began);
    await began.promise;
  }

  /** Resolves when watchers have been given all up to `revision`, or after `timeoutMs`: it is not known then when they will. */
  reached(revision: Revision, timeoutMs: number): Promise<void> {
    if (this.hub.revision >= revision || this.#deps.cluster.signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const waiter = { endMs: this.#deps.clock.monotonic() + timeoutMs, resolve };
      const others = this.#waiters.get(revision);
      if (others) others.push(waiter);
      else this.#waiters.set(revision, [waiter]);
      this.#watchForStall();
    });
  }

  /** Ends all watches, once the cluster is closed. */
  async stop(): Promise<void> {
    this.#stallTimer?.[Symbol.dispose]();
    await this.#running;
    this.#wake(Infinity);
    this.hub.close();
  }

  async #run(first: WatchStream, began: PromiseWithResolvers<void>): Promise<void> {
    const { cluster, clock, logger } = this.#deps;
    for (let watch: WatchStream | undefined = first; !cluster.signal.aborted;) {
      try {
        watch ??= await this.#resume();
        await this.#follow(watch, began.resolve);
      } catch (error) {
        began.reject(error);
        if (cluster.signal.aborted) return;
        logger.warn('the watch of etcd broke off, will go on', { revision: this.hub.revision, error: errorMessage(error) });
        // If that fails, so does the next attempt, which says why.
        if (isReason(error, 'Expired')) await this.#restart(error).catch(() => undefined);
        else if (watch) cluster.leave(watch.member, error);
        // Perhaps it is the token that it does not like.
        cluster.forgetToken();
        watch = undefined;
        await clock.sleep(this.#backoff.next(), cluster.signal).catch(() => undefined);
      }
    }
  }

  async #follow(watch: WatchStream, onBegin: () => void): Promise<void> {
    this.#watch = watch;
    try {
      for await (const commits of watch.commits) {
        onBegin();
        this.#backoff.reset();
        this.#publish(commits);
      }
    } finally {
      this.#watch = undefined;
    }
  }

  /** A member that agrees with the others may tell of what follows. */
  async #resume(): Promise<WatchStream> {
    const revision = await this.#deps.readRevision();
    if (revision < this.hub.revision) {
      const message = `etcd is at revision ${revision}, behind ${this.hub.revision}: it has been set back`;
      throw new KeelsonError('Expired', message);
    }
    return openWatch(this.#deps.cluster, this.hub.revision);
  }

  /** What follows is lost: whoever watches has to begin anew. */
  async #restart(reason: KeelsonError): Promise<void> {
    const revision = await this.#deps.readRevision();
    this.#recent.reset(revision);
    this.hub.restart(revision, reason);
    this.#wake(Infinity);
  }

  #publish(commits: readonly Commit[]): void {
    const last = commits.at(-1);
    if (!last) return;
    for (const commit of commits) this.#recent.add(commit);
    this.hub.publish(commits);
    if (this.#waiters.size > 0) this.#wake(last.revision);
  }

  #wake(upTo: Revision): void {
    for (const [revision, waiters] of this.#waiters) {
      if (revision > upTo) continue;
      this.#waiters.delete(revision);
      for (const { resolve } of waiters) resolve();
    }
  }

  #watchForStall(): void {
    const { revision } = this.hub;
    this.#stallTimer ??= this.#deps.clock.after(STALL_MS, () => {
      this.#stallTimer = undefined;
      const hasExpired = this.#dropExpired();
      if (this.hub.revision === revision) this.#onStall(hasExpired);
      if (this.#waiters.size > 0) this.#watchForStall();
    });
  }

  /** Nothing has come for a while that is known to be there. */
  #onStall(hasExpired: boolean): void {
    // It lives, as it seems, and tells us nothing: another one may.
    if (hasExpired) this.#watch?.cancel();
    else if (this.#waiters.size > 0) void this.#watch?.member.channel.probe();
  }

  #dropExpired(): boolean {
    const nowMs = this.#deps.clock.monotonic();
    let hasExpired = false;
    for (const [revision, waiters] of this.#waiters) {
      const left = waiters.filter(({ endMs }) => endMs > nowMs);
      if (left.length === waiters.length) continue;
      hasExpired = true;
      for (const waiter of waiters) if (waiter.endMs <= nowMs) waiter.resolve();
      if (left.length > 0) this.#waiters.set(revision, left);
      else this.#waiters.delete(revision);
    }
    return hasExpired;
  }

  async #readHistory(prefix: Key, after: Revision, upTo: Revision): Promise<HistoryPiece> {
    const { cluster, clock } = this.#deps;
    const backoff = new Backoff({ initialMs: 50, maxMs: 2_000, jitter: 0.5 });
    for (;;) {
      const recent = this.#recent.read(prefix, after, upTo);
      if (recent) return recent;
      let watch: WatchStream | undefined;
      try {
        watch = await openWatch(cluster, after);
        return await readPiece(watch, { prefix, after, upTo: Math.min(upTo, this.#recent.since) });
      } catch (error) {
        if (isReason(error, 'Expired') || cluster.signal.aborted) throw error;
        if (watch) cluster.leave(watch.member, error);
        await clock.sleep(backoff.next(), cluster.signal);
      }
    }
  }
}

async function readPiece(
  watch: WatchStream,
  { prefix, after, upTo }: { readonly prefix: Key; readonly after: Revision; readonly upTo: Revision },
): Promise<HistoryPiece> {
  const own: Commit[] = [];
  let through = after;
  let bytes = 0;
  for await (const commits of watch.commits) {
    for (const commit of commits) {
      if (commit.revision > upTo) return { commits: own, through };
      through = commit.revision;
      for (const each of under(prefix, commit)) own.push(each);
      for (const event of commit.events) if (event.type === 'put') bytes += event.entry.value.length;
    }
    if (through >= upTo || own.length >= COMMITS_A_PIECE || bytes >= BYTES_A_PIECE) break;
  }
  return { commits: own, through };
}
