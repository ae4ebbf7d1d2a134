import { join } from 'node:path';
import { storeModule } from '@keelson/store/module';
import type { ContainerModule } from 'inversify';
import type { ClusterSettings } from '../options.ts';

/** Where the cluster keeps its objects. */
export async function storeFor({ store, dataDir }: Pick<ClusterSettings, 'store' | 'dataDir'>): Promise<ContainerModule> {
  switch (store) {
    case 'memory':
      return storeModule({ driver: 'memory' });
    case 'lmdb':
      return storeModule({ driver: 'lmdb', path: join(dataDir, 'store') });
    default: {
      // Only who uses it has to wait for it to be loaded.
      const [{ etcdOptionsOf }, { etcdStoreModule }] = await Promise.all([
        import('@keelson/store-etcd'),
        import('@keelson/store-etcd/module'),
      ]);
      return etcdStoreModule(await etcdOptionsOf(store));
    }
  }
}
