import 'reflect-metadata';
import { CLOCK, LOGGER, type Clock, type Logger } from '@keelson/base';
import { STORE } from '@keelson/store';
import { ContainerModule } from 'inversify';
import { EtcdStore } from './etcd-store.ts';
import type { EtcdStoreOptions } from './options.ts';

/**
 * Binds `STORE` to an etcd cluster, which is connected when it is first asked for: with `getAsync`, since that takes time. Needs `CLOCK` and
 * `LOGGER`. Whoever asks for the store closes it.
 */
export function etcdStoreModule(options: Omit<EtcdStoreOptions, 'clock' | 'logger'>): ContainerModule {
  return new ContainerModule(({ bind }) => {
    bind(STORE)
      .toResolvedValue((clock: Clock, logger: Logger) => EtcdStore.open({ ...options, clock, logger }), [CLOCK, LOGGER])
      .inSingletonScope();
  });
}
