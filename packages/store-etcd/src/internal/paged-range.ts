import { GrpcError, type Received } from '@keelson/grpc';
import type { Entry, RangeResult, Revision } from '@keelson/store';
import type { EtcdCluster } from './etcd-cluster.ts';
import { entryOf, keyBytes, type KeyRange } from './key-range.ts';
import { RANGE } from './rpc.ts';

const FIRST_PAGE = 500;
const MAX_PAGE = 10_000;
/** About how large an answer should be: a few of them fit into memory, and it does not keep other answers waiting for long. */
const PAGE_BYTES = 8 * 1024 * 1024;

export interface PageOptions {
  /** At most so many entries; all if absent. */
  readonly limit: number | undefined;
  /** The newest if absent. */
  readonly revision: Revision | undefined;
}

type Page = Received<typeof RANGE.response>;

/** Reads ranges of any size in pages of one revision, since etcd answers a call with one message. */
export class PagedRange {
  readonly #cluster: EtcdCluster;

  constructor(cluster: EtcdCluster) {
    this.#cluster = cluster;
  }

  async read(range: KeyRange, { limit, revision }: PageOptions): Promise<RangeResult> {
    if (limit === 0) return this.#count(range, revision);
    const entries: Entry[] = [];
    let { key } = range;
    let size = FIRST_PAGE;
    for (let at = revision; ;) {
      const wanted = Math.min(size, limit === undefined ? Infinity : limit - entries.length);
      const page = await this.#page({ key, rangeEnd: range.rangeEnd }, at, wanted);
      at ??= page.header?.revision;
      let bytes = 0;
      for (const kv of page.kvs) {
        entries.push(entryOf(kv));
        bytes += kv.value.length + kv.key.length;
      }
      const remaining = page.count - page.kvs.length;
      const last = entries.at(-1);
      if (remaining === 0 || !last || entries.length === limit)
        return { entries, revision: at ?? 0, more: remaining > 0, remaining };
      key = keyBytes(`${last.key}\0`);
      size = Math.max(1, Math.min(MAX_PAGE, Math.floor((PAGE_BYTES * page.kvs.length) / bytes)));
    }
  }

  async #count(range: KeyRange, revision: Revision | undefined): Promise<RangeResult> {
    const { header, count } = await this.#cluster.call(RANGE, { ...range, revision, countOnly: true }, { repeatable: true });
    return { entries: [], revision: header?.revision ?? 0, more: count > 0, remaining: count };
  }

  async #page(range: KeyRange, revision: Revision | undefined, limit: number): Promise<Page> {
    for (let size = limit; ; size = Math.floor(size / 4)) {
      try {
        return await this.#cluster.call(RANGE, { ...range, revision, limit: size }, { repeatable: true });
      } catch (error) {
        const isTooLarge = error instanceof GrpcError && error.grpcCode === 'RESOURCE_EXHAUSTED';
        if (!isTooLarge || size < 4) throw error;
      }
    }
  }
}
