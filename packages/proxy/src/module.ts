import 'reflect-metadata';
import { Service } from '@keelson/api/core/v1';
import { EndpointSlice } from '@keelson/api/discovery/v1';
import { CLOCK, LOGGER, type Clock, type Logger } from '@keelson/base';
import { INFORMERS, type InformerFactory } from '@keelson/controller-runtime';
import { ContainerModule } from 'inversify';
import { IptablesMode, type IptablesModeOptions } from './iptables/iptables-mode.ts';
import type { ProxyMode } from './proxy-mode.ts';
import { ServiceProxy, type ServiceProxyOptions } from './proxy.ts';
import { PROXY_MODE, SERVICE_PROXY } from './tokens.ts';
import { UserspaceMode, type UserspaceModeOptions } from './userspace/userspace-mode.ts';

export type ProxyModuleOptions = ServiceProxyOptions &
  (({ readonly mode: 'userspace' } & UserspaceModeOptions) | ({ readonly mode: 'iptables' } & IptablesModeOptions));

/**
 * Binds `SERVICE_PROXY`, and `PROXY_MODE` to the mode of the options; bind that to another one to use a mode of your own. Needs
 * `INFORMERS`, `CLOCK` and `LOGGER`. Ask for the proxy before the informers start.
 */
export function proxyModule(options: ProxyModuleOptions): ContainerModule {
  return new ContainerModule(({ bind }) => {
    bind(PROXY_MODE)
      .toResolvedValue((clock: Clock): ProxyMode => createMode(options, clock), [CLOCK])
      .inSingletonScope();
    bind(SERVICE_PROXY)
      .toResolvedValue(
        (informers: InformerFactory, mode: ProxyMode, clock: Clock, logger: Logger) =>
          new ServiceProxy(
            { services: informers.for(Service), endpointSlices: informers.for(EndpointSlice), mode, clock, logger },
            options,
          ),
        [INFORMERS, PROXY_MODE, CLOCK, LOGGER],
      )
      .inSingletonScope();
  });
}

function createMode(options: ProxyModuleOptions, clock: Clock): ProxyMode {
  switch (options.mode) {
    case 'userspace':
      return new UserspaceMode({ clock }, options);
    case 'iptables':
      return new IptablesMode({}, options);
  }
}
