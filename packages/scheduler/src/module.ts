import 'reflect-metadata';
import { CLOCK, LOGGER, type Clock, type Logger } from '@keelson/base';
import { CLIENT, type Client } from '@keelson/client';
import { INFORMERS, type InformerFactory } from '@keelson/controller-runtime';
import { ContainerModule } from 'inversify';
import type { Plugin } from './framework.ts';
import { Scheduler, type SchedulerOptions } from './scheduler.ts';
import { SCHEDULER, SCHEDULER_PLUGIN } from './tokens.ts';

/** Binds `SCHEDULER`, with all plugins that are bound to `SCHEDULER_PLUGIN`. */
export function schedulerModule(options: SchedulerOptions = {}): ContainerModule {
  return new ContainerModule(({ bind }) => {
    bind(SCHEDULER)
      .toResolvedValue(
        (client: Client, informers: InformerFactory, clock: Clock, logger: Logger, plugins: Plugin[]) =>
          new Scheduler({ client, informers, clock, logger }, { ...options, plugins: [...(options.plugins ?? []), ...plugins] }),
        [CLIENT, INFORMERS, CLOCK, LOGGER, { serviceIdentifier: SCHEDULER_PLUGIN, isMultiple: true }],
      )
      .inSingletonScope();
  });
}
