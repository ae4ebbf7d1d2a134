import type { Clock } from '@keelson/base';
import type { StoreOptions } from '@keelson/store';

export interface EtcdStoreOptions extends StoreOptions {
  /** The members' client URLs, such as `https://10.0.0.1:2379`: one is used, the others when it fails. */
  readonly endpoints: readonly string[];
  readonly tls?: EtcdTls;
  /** Whom to be on a cluster that has authentication enabled. */
  readonly user?: { readonly name: string; readonly password: string };
  /** The time that a call has, with all attempts. 10 s if absent. */
  readonly timeoutMs?: number;
  /** How many writes, and how many guards, etcd takes in one commit: its `--max-txn-ops`. 128 if absent, which is its default. */
  readonly maxTxnOps?: number;
  /** How often a member is asked for a sign of life; it may refuse less than 5 s. 10 s if absent. */
  readonly keepAliveMs?: number;
  /** Drives timeouts, pauses and leases, which have to do with other machines. The machine's if absent, whatever `clock` is. */
  readonly networkClock?: Clock;
}

/** All in PEM. */
export interface EtcdTls {
  /** Whom to trust; the machine's authorities if absent. */
  readonly ca?: string;
  readonly certificate?: string;
  readonly privateKey?: string;
  /** The name in the members' certificates, if it is not that of the endpoints. */
  readonly serverName?: string;
}
