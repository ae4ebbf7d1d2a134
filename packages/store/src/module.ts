import 'reflect-metadata';
import { CLOCK, LOGGER, type Clock, type Logger } from '@keelson/base';
import { ContainerModule } from 'inversify';
import { LmdbStore, type LmdbStoreOptions } from './lmdb-store.ts';
import { MemoryStore } from './memory-store.ts';
import type { StoreOptions } from './options.ts';
import type { Store } from './store.ts';
import { STORE } from './tokens.ts';

type Injected = 'clock' | 'logger';

export type StoreModuleOptions =
  | ({ readonly driver: 'lmdb' } & Omit<LmdbStoreOptions, Injected>)
  | ({ readonly driver: 'memory' } & Omit<StoreOptions, Injected>);

/**
 * Binds `STORE` to one store, which is opened when it is first asked for: with `getAsync`, since opening takes time. Needs `CLOCK` and
 * `LOGGER`. Whoever asks for the store closes it.
 */
export function storeModule(options: StoreModuleOptions): ContainerModule {
  return new ContainerModule(({ bind }) => {
    bind(STORE)
      .toResolvedValue(
        (clock: Clock, logger: Logger): Store | Promise<Store> => openStore(options, clock, logger),
        [CLOCK, LOGGER],
      )
      .inSingletonScope();
  });
}

function openStore(options: StoreModuleOptions, clock: Clock, logger: Logger): Store | Promise<Store> {
  switch (options.driver) {
    case 'lmdb':
      return LmdbStore.open({ ...options, clock, logger });
    case 'memory':
      return new MemoryStore({ ...options, clock, logger });
  }
}
