import { LOGGER, type Lifecycle } from '@keelson/base';
import { PROXY_MODE, SERVICE_PROXY, StatusServer } from '@keelson/proxy';
import { proxyModule } from '@keelson/proxy/module';
import { Container } from 'inversify';
import type { ComponentContext } from './component-context.ts';
import { nodeNameOf } from './node-name.ts';

/** One proxy serves all nodes of the process, since they share the machine's network; what is bound to `PROXY_MODE` goes before the flag. */
export function addProxy(parts: Lifecycle, { container, settings }: ComponentContext): void {
  const { proxyMode: mode } = settings;
  if (mode === 'none') return;
  const own = new Container({ parent: container });
  own.load(proxyModule({ mode, nodeName: nodeNameOf(1) }));
  if (container.isBound(PROXY_MODE)) own.rebind(PROXY_MODE).toConstantValue(container.get(PROXY_MODE));
  const proxy = own.get(SERVICE_PROXY);
  parts.add(proxy);
  parts.add(
    new StatusServer(
      { health: proxy.health, metrics: proxy.metrics, mode, logger: container.get(LOGGER) },
      // The ports of kube-proxy, which load balancers and Prometheus know.
      { health: { address: '0.0.0.0', port: 10_256 }, metrics: { address: '127.0.0.1', port: 10_249 } },
    ),
  );
}
