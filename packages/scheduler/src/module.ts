import 'reflect-metadata';
import { CLOCK, LOGGER, type Clock, type Logger } from '@keelson/base';
import { CLIENT, type Client } from '@keelson/client';
import { INFORMERS, type InformerFactory } from '@keelson/controller-runtime';
import { ContainerModule } from 'inversify';
import { EventObserver, type EventSink } from './event-observer.ts';
import type { Plugin } from './framework.ts';
import { Scheduler, type SchedulerOptions } from './scheduler.ts';
import { SCHEDULER, SCHEDULER_EVENTS, SCHEDULER_PLUGIN } from './tokens.ts';

/** Binds `SCHEDULER`, with all plugins that are bound to `SCHEDULER_PLUGIN`, and the events of `SCHEDULER_EVENTS` if that is bound. */
export function schedulerModule(options: SchedulerOptions = {}): ContainerModule {
  return new ContainerModule(({ bind }) => {
    bind(SCHEDULER)
      .toResolvedValue(
        (...[client, informers, clock, logger, plugins = [], events]: Parts) => {
          const observer = events && new EventObserver(events);
          const dependencies = { client, informers, clock, logger, ...(observer && { observer }) };
          return new Scheduler(dependencies, { ...options, plugins: [...(options.plugins ?? []), ...plugins] });
        },
        [
          CLIENT,
          INFORMERS,
          CLOCK,
          LOGGER,
          { serviceIdentifier: SCHEDULER_PLUGIN, isMultiple: true, optional: true },
          { serviceIdentifier: SCHEDULER_EVENTS, optional: true },
        ],
      )
      .inSingletonScope();
  });
}

type Parts = [Client, InformerFactory, Clock, Logger, Plugin[] | undefined, EventSink | undefined];
