import 'reflect-metadata';
import { CLOCK, LOGGER, type Clock, type Logger } from '@keelson/base';
import { CLIENT, type Client } from '@keelson/client';
import { ContainerModule } from 'inversify';
import { InformerFactory } from './informer-factory.ts';
import { INFORMERS } from './tokens.ts';

/** Binds `INFORMERS`: one factory for all who run on the same client. */
export function controllerRuntimeModule(): ContainerModule {
  return new ContainerModule(({ bind }) => {
    bind(INFORMERS)
      .toResolvedValue(
        (client: Client, clock: Clock, logger: Logger) => new InformerFactory({ client, clock, logger }),
        [CLIENT, CLOCK, LOGGER],
      )
      .inSingletonScope();
  });
}
