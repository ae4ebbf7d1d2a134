import 'reflect-metadata';
import { Node, Service } from '@keelson/api/core/v1';
import { EndpointSlice } from '@keelson/api/discovery/v1';
import { CLOCK, LOGGER, type Clock, type Logger } from '@keelson/base';
import { INFORMERS, type InformerFactory } from '@keelson/controller-runtime';
import { ContainerModule } from 'inversify';
import { createOnlyMode, type ModeOptions, type ProxyModeName } from './modes.ts';
import type { ProxyMode } from './proxy-mode.ts';
import { ServiceProxy, type ServiceProxyOptions } from './proxy.ts';
import { PROXY_MODE, SERVICE_PROXY } from './tokens.ts';

export type ProxyModuleOptions = ServiceProxyOptions & ModeOptions & { readonly mode: ProxyModeName };

/**
 * Binds `SERVICE_PROXY`, and `PROXY_MODE` to the mode of the options; bind that to another one to use a mode of your own. What other
 * modes have left on the node is removed once this one serves. Needs `INFORMERS`, `CLOCK` and `LOGGER`. Ask for the proxy before the informers start.
 */
export function proxyModule(options: ProxyModuleOptions): ContainerModule {
  return new ContainerModule(({ bind }) => {
    bind(PROXY_MODE)
      .toResolvedValue((clock: Clock): ProxyMode => createOnlyMode(options.mode, { clock }, options), [CLOCK])
      .inSingletonScope();
    bind(SERVICE_PROXY)
      .toResolvedValue(
        (informers: InformerFactory, mode: ProxyMode, clock: Clock, logger: Logger) =>
          new ServiceProxy(
            {
              services: informers.for(Service),
              endpointSlices: informers.for(EndpointSlice),
              nodes: informers.for(Node),
              mode,
              clock,
              logger,
            },
            options,
          ),
        [INFORMERS, PROXY_MODE, CLOCK, LOGGER],
      )
      .inSingletonScope();
  });
}
