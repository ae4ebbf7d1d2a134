import { EndpointSlice } from '@keelson/api/discovery/v1';
import { Service } from '@keelson/api/core/v1';
import { CLOCK, LOGGER, type Clock, type Lifecycle } from '@keelson/base';
import { IptablesMode, PROXY_MODE, ServiceProxy, UserspaceMode, type ProxyMode } from '@keelson/proxy';
import { nodeNameOf } from './node-name.ts';
import type { ComponentContext } from './component-context.ts';

/** One proxy serves all nodes of the process, since they share the machine's network; what is bound to `PROXY_MODE` goes before the flag. */
export function addProxy(parts: Lifecycle, { container, settings, informers }: ComponentContext): void {
  const { proxyMode } = settings;
  if (proxyMode === 'none') return;
  const [clock, logger] = [container.get(CLOCK), container.get(LOGGER)];
  const mode = container.isBound(PROXY_MODE) ? container.get(PROXY_MODE) : makeProxyMode(proxyMode, clock);
  const services = informers.for(Service);
  const endpointSlices = informers.for(EndpointSlice);
  parts.add(new ServiceProxy({ services, endpointSlices, mode, clock, logger }, { nodeName: nodeNameOf(1) }));
}

export function makeProxyMode(mode: 'userspace' | 'iptables', clock: Clock): ProxyMode {
  return mode === 'iptables' ? new IptablesMode() : new UserspaceMode({ clock });
}
