import 'reflect-metadata';
import { Node, Pod } from '@keelson/api/core/v1';
import { CLOCK, LOGGER, type Clock, type Logger } from '@keelson/base';
import { CLIENT, type Client } from '@keelson/client';
import { INFORMERS, type InformerFactory } from '@keelson/controller-runtime';
import { ContainerModule } from 'inversify';
import { MetricsServer, type MetricsServerOptions } from './metrics-server.ts';
import { proxySource, type MetricsSource } from './metrics-source.ts';
import { METRICS_SERVER, METRICS_SOURCE } from './tokens.ts';

/** Binds `METRICS_SERVER`. Needs `CLIENT`, `INFORMERS`, `CLOCK` and `LOGGER`. Its `resources` are for `ApiServer.extend`. */
export function metricsServerModule(options: MetricsServerOptions = {}): ContainerModule {
  return new ContainerModule(({ bind }) => {
    bind(METRICS_SERVER)
      .toResolvedValue(
        (...[client, informers, clock, logger, source = proxySource(client)]: Parts) =>
          new MetricsServer({ nodes: informers.for(Node), pods: informers.for(Pod), source, clock, logger }, options),
        [CLIENT, INFORMERS, CLOCK, LOGGER, { serviceIdentifier: METRICS_SOURCE, optional: true }],
      )
      .inSingletonScope();
  });
}

type Parts = [Client, InformerFactory, Clock, Logger, MetricsSource | undefined];
