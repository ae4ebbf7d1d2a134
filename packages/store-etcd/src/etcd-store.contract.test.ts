import { describeStoreContract, type OpenOptions } from '@keelson/store/testing';
import { afterAll, beforeAll, describe } from 'vitest';
import { EtcdStore } from './etcd-store.ts';
import { LabEtcd, noEtcd } from './testing/lab-etcd.ts';

describe.skipIf(noEtcd)(noEtcd ?? 'on a real etcd', () => {
  let etcd: LabEtcd;
  beforeAll(async () => {
    etcd = await LabEtcd.start('contract', 1);
  });
  afterAll(() => etcd[Symbol.asyncDispose]());

  const open = (options: OpenOptions): Promise<EtcdStore> => EtcdStore.open({ ...etcd.access, timeoutMs: 60_000, ...options });
  describeStoreContract('EtcdStore', open, { durable: true, remote: true });
});
