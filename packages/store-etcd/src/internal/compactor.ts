import { Buffer } from 'node:buffer';
import type { Revision } from '@keelson/store';
import type { EtcdCluster } from './etcd-cluster.ts';
import { COMPACTED_KEY, keyBytes } from './key-range.ts';
import { COMPARE_MOD_REVISION, TXN } from './rpc.ts';

/**
 * Compacts for all processes that share a cluster. Whoever wants to compact first writes down that it does, if nobody else has since it last
 * looked: so each time one of them does it, as long as there is one, without an election.
 */
export class Compactor {
  readonly #cluster: EtcdCluster;
  readonly #compact: (upTo: Revision) => Promise<void>;
  /** The last change of the key that we know of, and what it says: up to where history went. */
  #known: Revision = 0;
  #last: Revision = 0;

  constructor(cluster: EtcdCluster, compact: (upTo: Revision) => Promise<void>) {
    this.#cluster = cluster;
    this.#compact = compact;
  }

  /** Compacts, or lets somebody else have done it. */
  async run(upTo: Revision): Promise<void> {
    // Writing the key makes a revision, too: without this a cluster that nobody uses would compact for ever.
    if (upTo <= this.#last + 1) return;
    const key = keyBytes(COMPACTED_KEY);
    const request = {
      compare: [{ target: COMPARE_MOD_REVISION, key, modRevision: this.#known }],
      success: [{ put: { key, value: keyBytes(`${upTo}`) } }],
      failure: [{ range: { key } }],
    };
    // Made twice, it fails the second time, which costs a round.
    const { succeeded, header, responses } = await this.#cluster.call(TXN, request, { repeatable: true });
    if (succeeded) {
      this.#known = header?.revision ?? 0;
      this.#last = upTo;
      await this.#compact(upTo);
      return;
    }
    const found = responses[0]?.range?.kvs[0];
    this.#known = found?.modRevision ?? 0;
    this.#last = found ? Number(Buffer.from(found.value).toString()) : 0;
  }
}
