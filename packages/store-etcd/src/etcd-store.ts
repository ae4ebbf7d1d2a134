import { errorMessage, isReason, KeelsonError, SystemClock, type Clock } from '@keelson/base';
import { GrpcError } from '@keelson/grpc';
import type {
  Entry,
  Guard,
  Key,
  RangeOptions,
  RangeResult,
  Revision,
  Store,
  StoreEvent,
  StoreStats,
  Write,
} from '@keelson/store';
import {
  checkCommit,
  checkKey,
  checkRangeOptions,
  checkRevision,
  closedError,
  conflict,
  Counters,
  HistoryKeeper,
  withDefaults,
} from '@keelson/store/driver';
import type { Observable } from 'rxjs';
import { Compactor } from './internal/compactor.ts';
import { EtcdCluster } from './internal/etcd-cluster.ts';
import { EventFeed } from './internal/event-feed.ts';
import { storeError } from './internal/failures.ts';
import { COMPACTED_KEY, entryOf, keyBytes, rangeOf } from './internal/key-range.ts';
import { Leases } from './internal/leases.ts';
import { PagedRange } from './internal/paged-range.ts';
import { COMPACT, COMPARE_MOD_REVISION, LEASE_GRANT, RANGE, TXN, type TxnRequest, type TxnResponse } from './internal/rpc.ts';
import { SharedRead } from './internal/shared-read.ts';
import type { EtcdStoreOptions } from './options.ts';

const DEFAULT_TIMEOUT_MS = 10_000;
/** etcd's default of `--max-txn-ops`. */
const DEFAULT_MAX_TXN_OPS = 128;
/** Compaction is work for the whole cluster. */
const LONGEST_STEP_MS = 60_000;

interface Parts {
  readonly cluster: EtcdCluster;
  readonly feed: EventFeed;
  readonly revision: SharedRead<Revision>;
  readonly networkClock: Clock;
  readonly timeoutMs: number;
}

/** The store on an etcd cluster, which any number of processes on any number of machines can share. */
export class EtcdStore implements Store {
  readonly #parts: Parts;
  readonly #clock: Clock;
  readonly #maxValueBytes: number;
  readonly #maxTxnOps: number;
  readonly #counters = new Counters();
  readonly #leases: Leases;
  readonly #keeper: HistoryKeeper;
  readonly #ranges: PagedRange;
  readonly #underway = new Set<Promise<unknown>>();
  #closed: Promise<void> | undefined;

  readonly progress$: Observable<Revision>;

  /** `ServiceUnavailable` or `Timeout` if no member answers, or none lets us in. */
  static async open(options: EtcdStoreOptions): Promise<EtcdStore> {
    const { logger, maxWatchLag } = withDefaults(options);
    const { timeoutMs = DEFAULT_TIMEOUT_MS, networkClock = new SystemClock() } = options;
    const cluster = new EtcdCluster({ ...options, clock: networkClock, logger, timeoutMs });
    try {
      const revision = new SharedRead(() => readRevision(cluster));
      const deps = { cluster, clock: networkClock, logger, readRevision: () => revision.get() };
      const feed = new EventFeed(deps, { revision: await revision.get(), maxWatchLag });
      await feed.start();
      return new EtcdStore({ cluster, feed, revision, networkClock, timeoutMs }, options);
    } catch (error) {
      cluster.close();
      throw storeError(`open the store at "${options.endpoints.join(',')}"`, error);
    }
  }

  private constructor(parts: Parts, options: EtcdStoreOptions) {
    const { clock, logger, maxValueBytes, historyMs } = withDefaults(options);
    const { cluster, feed, networkClock } = parts;
    this.#parts = parts;
    this.#clock = clock;
    this.#maxValueBytes = maxValueBytes;
    this.#maxTxnOps = options.maxTxnOps ?? DEFAULT_MAX_TXN_OPS;
    this.progress$ = feed.hub.progress$;
    this.#ranges = new PagedRange(cluster);
    this.#leases = new Leases({ clock: networkClock, grant: (ttlSeconds) => grantLease(cluster, ttlSeconds) });
    const compactor = new Compactor(cluster, (upTo) => this.compact(upTo));
    this.#keeper = new HistoryKeeper({
      clock,
      logger,
      historyMs,
      longestStepMs: LONGEST_STEP_MS,
      revision: () => feed.hub.revision,
      compact: (upTo) => compactor.run(upTo),
    });
  }

  async revision(): Promise<Revision> {
    this.#checkOpen();
    const { revision, feed, timeoutMs } = this.#parts;
    const newest = await translated('read the revision', revision.get());
    // Whoever asks is likely to wait for it: so the watch must not be stuck.
    void feed.reached(newest, timeoutMs);
    return newest;
  }

  async get(key: Key, at?: Revision): Promise<Entry | undefined> {
    this.#checkOpen();
    checkKey(key);
    if (at !== undefined) checkRevision('revision', at);
    const request = { key: keyBytes(key), revision: etcdRevision(at) };
    const { kvs } = await translated(
      `read "${key}"${atText(at)}`,
      this.#parts.cluster.call(RANGE, request, { repeatable: true }),
    );
    return kvs[0] && entryOf(kvs[0]);
  }

  async range(prefix: Key, options: RangeOptions = {}): Promise<RangeResult> {
    this.#checkOpen();
    checkRangeOptions(prefix, options);
    const { after, limit, at } = options;
    const range = rangeOf(prefix, after);
    const empty = { entries: [], more: false, remaining: 0 };
    if (!range) return { ...empty, revision: at ?? (await this.revision()) };
    const read = (): Promise<RangeResult> =>
      translated(`read "${prefix}"${atText(at)}`, this.#ranges.read(range, { limit, revision: etcdRevision(at) }));
    if (at !== undefined) return { ...(await read()), revision: at };
    // Its revision may be compacted between two pages: then the next one will do.
    return read().catch((error: unknown) => (isReason(error, 'Expired') ? read() : Promise.reject(error)));
  }

  async commit(writes: readonly Write[], guards: readonly Guard[] = []): Promise<Revision> {
    this.#checkOpen();
    checkCommit(writes, guards, this.#maxValueBytes);
    this.#checkOps(writes, guards);
    if (writes.length === 0 && guards.length === 0) return this.revision();
    const startMs = this.#clock.monotonic();
    const commit = this.#commit(writes, guards);
    this.#underway.add(commit);
    try {
      return await commit;
    } catch (error) {
      if (isReason(error, 'Conflict')) this.#counters.conflicts += 1;
      throw error;
    } finally {
      this.#underway.delete(commit);
      this.#counters.addLatency(this.#clock.monotonic() - startMs);
    }
  }

  watch(prefix: Key, after: Revision): Observable<readonly StoreEvent[]> {
    return this.#parts.feed.hub.watch(prefix, after);
  }

  async compact(upTo: Revision): Promise<void> {
    this.#checkOpen();
    checkRevision('revision', upTo);
    const { cluster, feed } = this.#parts;
    if (upTo <= feed.compacted) return;
    try {
      await translated(`compact up to revision ${upTo}`, cluster.call(COMPACT, { revision: upTo }, { repeatable: true }));
    } catch (error) {
      // It was done already.
      if (!isReason(error, 'Expired')) throw error;
    }
    feed.compacted = Math.max(feed.compacted, upTo);
  }

  /** Figures for metrics. Files and history are etcd's, which has metrics of its own: here they are 0. */
  stats(): StoreStats {
    const { commits, conflicts, bytesWritten } = this.#counters;
    const { hub, compacted } = this.#parts.feed;
    const { revision, watchers } = hub;
    const unknown = { batches: 0, syncs: 0, fileBytes: 0, historyBytes: 0 };
    const commitLatency = this.#counters.latency();
    return { ...unknown, revision, compacted, commits, conflicts, bytesWritten, watchers, commitLatency };
  }

  close(): Promise<void> {
    return (this.#closed ??= this.#close());
  }

  async #close(): Promise<void> {
    await Promise.allSettled([this.#keeper.stop(), ...this.#underway]);
    const { cluster, feed } = this.#parts;
    feed.hub.close();
    cluster.close();
    await feed.stop();
  }

  #checkOpen(): void {
    if (this.#closed) throw closedError();
  }

  #checkOps(writes: readonly Write[], guards: readonly Guard[]): void {
    const ops = Math.max(writes.length, guards.length);
    if (ops <= this.#maxTxnOps) return;
    const message = `Cannot commit ${writes.length} writes under ${guards.length} guards: at most ${this.#maxTxnOps} of each are allowed`;
    throw new KeelsonError('RequestEntityTooLarge', message);
  }

  async #commit(writes: readonly Write[], guards: readonly Guard[]): Promise<Revision> {
    const { cluster, feed, networkClock, timeoutMs } = this.#parts;
    const endMs = networkClock.monotonic() + timeoutMs;
    const action = writes[0] ? `write "${writes[0].key}"` : 'check guards';
    const response = await translated(action, this.#transact(cluster, writes, guards), { writes: writes.length > 0 });
    const { succeeded, header, responses } = response;
    if (!succeeded)
      throw this.#conflict(
        guards,
        responses.map(({ range }) => range?.kvs[0]?.modRevision ?? 0),
      );
    const revision = header?.revision ?? 0;
    if (writes.length > 0) this.#account(writes);
    await feed.reached(revision, endMs - networkClock.monotonic());
    return revision;
  }

  async #transact(cluster: EtcdCluster, writes: readonly Write[], guards: readonly Guard[]): Promise<TxnResponse> {
    const repeatable = writes.length === 0;
    const request = await this.#request(writes, guards);
    try {
      return await cluster.call(TXN, request, { repeatable });
    } catch (error) {
      if (!(error instanceof GrpcError) || error.grpcCode !== 'NOT_FOUND') throw error;
      // A lease has ended, perhaps since clocks differ: nothing was written.
      this.#leases.forget();
      return cluster.call(TXN, await this.#request(writes, guards), { repeatable });
    }
  }

  async #request(writes: readonly Write[], guards: readonly Guard[]): Promise<TxnRequest> {
    const success = [];
    for (const write of writes) {
      const ttlSeconds = write.type === 'put' ? write.ttlSeconds : undefined;
      success.push(operationOf(write, ttlSeconds === undefined ? undefined : await this.#leases.lease(ttlSeconds)));
    }
    const compare = guards.map(({ key, revision }) => ({
      target: COMPARE_MOD_REVISION,
      key: keyBytes(key),
      modRevision: revision,
    }));
    return { compare, success, failure: compare.map(({ key }) => ({ range: { key } })) };
  }

  #conflict(guards: readonly Guard[], actual: readonly Revision[]): KeelsonError {
    for (const [i, guard] of guards.entries()) if (actual[i] !== guard.revision) return conflict(guard, actual[i] ?? 0);
    return new KeelsonError('Conflict', 'Cannot commit: a guard did not hold');
  }

  #account(writes: readonly Write[]): void {
    this.#counters.commits += 1;
    for (const write of writes) {
      this.#counters.bytesWritten += write.key.length + (write.type === 'put' ? write.value.length : 0);
    }
  }
}

async function grantLease(cluster: EtcdCluster, ttlSeconds: number): Promise<bigint> {
  try {
    return (await cluster.call(LEASE_GRANT, { ttlSeconds }, { repeatable: true })).id;
  } catch (cause) {
    // Not a timeout, whatever it is: what needs the lease has not been written.
    throw new KeelsonError('ServiceUnavailable', `Cannot get a lease from etcd: ${errorMessage(cause)}`, { cause });
  }
}

function operationOf(write: Write, lease: bigint | undefined): NonNullable<TxnRequest['success']>[number] {
  const key = keyBytes(write.key);
  return write.type === 'delete' ? { deleteRange: { key } } : { put: { key, value: write.value, lease } };
}

async function readRevision(cluster: EtcdCluster): Promise<Revision> {
  // No key is of interest: the answer says at which revision it is.
  const { header } = await cluster.call(RANGE, { key: keyBytes(COMPACTED_KEY), countOnly: true }, { repeatable: true });
  return header?.revision ?? 0;
}

/** Revision 0 means "the newest" to etcd. Nothing was there at revision 1 either. */
function etcdRevision(at: Revision | undefined): Revision | undefined {
  return at === 0 ? 1 : at;
}

function atText(at: Revision | undefined): string {
  return at === undefined ? '' : ` at revision ${at}`;
}

async function translated<T>(action: string, call: Promise<T>, options?: { readonly writes: boolean }): Promise<T> {
  try {
    return await call;
  } catch (error) {
    throw storeError(action, error, options);
  }
}
