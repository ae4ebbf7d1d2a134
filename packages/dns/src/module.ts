import 'reflect-metadata';
import { Service } from '@keelson/api/core/v1';
import { EndpointSlice } from '@keelson/api/discovery/v1';
import { CLOCK, LOGGER, type Clock, type Logger } from '@keelson/base';
import { INFORMERS, type InformerFactory } from '@keelson/controller-runtime';
import { ContainerModule } from 'inversify';
import { DnsServer } from './dns-server.ts';
import type { DnsServerOptions } from './options.ts';
import { DNS_SERVER } from './tokens.ts';

/** Binds `DNS_SERVER`. Needs `INFORMERS`, `CLOCK` and `LOGGER`. Ask for the server before the informers start. */
export function dnsModule(options: DnsServerOptions = {}): ContainerModule {
  return new ContainerModule(({ bind }) => {
    bind(DNS_SERVER)
      .toResolvedValue(
        (informers: InformerFactory, clock: Clock, logger: Logger) =>
          new DnsServer(
            { services: informers.for(Service), endpointSlices: informers.for(EndpointSlice), clock, logger },
            options,
          ),
        [INFORMERS, CLOCK, LOGGER],
      )
      .inSingletonScope();
  });
}
