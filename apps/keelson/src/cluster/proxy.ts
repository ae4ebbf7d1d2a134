import { familyOf, type IpFamily } from '@keelson/api';
import { LOGGER, type Lifecycle } from '@keelson/base';
import { INFORMERS } from '@keelson/controller-runtime';
import { PROXY_MODE, SERVICE_PROXY, StatusServer, type ServiceProxy } from '@keelson/proxy';
import { proxyModule } from '@keelson/proxy/module';
import { Container } from 'inversify';
import type { ClusterSettings } from '../options.ts';
import type { MachineContext } from './component-context.ts';
import { familiesOf } from './ranges.ts';

/**
 * A proxy for each IP family serves all nodes of the process, since they share the machine's network; what is bound to `PROXY_MODE` goes
 * before the flag, for the first family.
 */
export function addProxy(parts: Lifecycle, context: MachineContext): void {
  const { container, nodes, settings } = context;
  const isOwn = container.isBound(PROXY_MODE);
  if ((settings.proxyMode === 'none' && !isOwn) || nodes.length === 0) return;
  // A mode costs nothing until it is asked for, and one that somebody has bound is asked for instead.
  const mode = settings.proxyMode === 'none' ? 'userspace' : settings.proxyMode;
  const families = familiesOf(settings.serviceCidr);
  if (context.proxyInformers) parts.add(context.proxyInformers);
  const proxies = families.map((family) => proxyOf(context, { mode, family }));
  const [first] = proxies;
  if (first && isOwn) first.rebind(PROXY_MODE).toConstantValue(container.get(PROXY_MODE));
  const made = proxies.map((own) => own.get(SERVICE_PROXY));
  for (const proxy of made) parts.add(proxy);
  parts.add(statusServer(made, context, families.includes('IPv6') ? '::' : '0.0.0.0'));
}

function proxyOf(context: MachineContext, { mode, family }: { mode: Mode; family: IpFamily }): Container {
  const { container, nodes, proxyInformers, reachable } = context;
  const own = new Container({ parent: container });
  if (proxyInformers) own.bind(INFORMERS).toConstantValue(proxyInformers);
  const ranges = reachable.podRanges.filter((range) => familyOf(range) === family);
  // Pods of several runtimes may be in several ranges, and who is in none of them is not known to be outside.
  const [clusterCIDR] = ranges.length === 1 ? ranges : [];
  own.load(proxyModule({ mode, family, nodeName: nodes[0]?.name ?? '', ...(clusterCIDR !== undefined && { clusterCIDR }) }));
  return own;
}

/** Whether Services are served, here or on machines that join. */
export function hasProxies({ proxyMode, nodes }: Pick<ClusterSettings, 'proxyMode' | 'nodes'>): boolean {
  return proxyMode !== 'none' || nodes === 0;
}

type Mode = Exclude<ClusterSettings['proxyMode'], 'none'>;

/** On the ports of kube-proxy, which load balancers and Prometheus know. */
function statusServer(proxies: readonly ServiceProxy[], { container, settings }: MachineContext, address: string): StatusServer {
  return new StatusServer(
    { proxies, mode: settings.proxyMode, logger: container.get(LOGGER) },
    { health: { address, port: 10_256 }, metrics: { address: '127.0.0.1', port: 10_249 } },
  );
}
