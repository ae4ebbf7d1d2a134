import { getServers } from 'node:dns';
import { hostname } from 'node:os';
import { CLOCK, LOGGER, type Lifecycle } from '@keelson/base';
import { createClient } from '@keelson/client';
import { StatusServer } from '@keelson/controller-runtime';
import { DNS_SERVER, dnsServiceController } from '@keelson/dns';
import { dnsModule } from '@keelson/dns/module';
import { Container } from 'inversify';
import type { ComponentContext } from './component-context.ts';
import { clusterDnsOf } from './ranges.ts';
import { addonUser } from './users.ts';

/** Cluster DNS in this process, on free ports of the address by which pods reach the node, behind the Service `kube-system/kube-dns`. */
export function addDns(parts: Lifecycle, { container, server, settings, informers, reachable, nodes }: ComponentContext): void {
  if (settings.dns !== 'on') return;
  const [clock, logger] = [container.get(CLOCK), container.get(LOGGER)];
  const host = reachable.nodeAddress;
  const clusterIp = clusterDnsOf(settings);
  const own = new Container({ parent: container });
  own.load(dnsModule({ host, port: 0, upstreams: usableUpstreams(getServers(), clusterIp) }));
  const dns = own.get(DNS_SERVER);
  const metrics = { contentType: 'text/plain; version=0.0.4; charset=utf-8', metrics: () => dns.metrics() };
  const synced = (): void => {
    if (!dns.synced) throw new Error('Services are not known yet');
  };
  const status = new StatusServer({ host, port: 0, metrics, liveness: { ping: () => undefined }, readiness: { synced } });
  const client = createClient(server.transport(addonUser('kube-dns')));
  const where = () => ({
    clusterIp,
    nodeName: nodes[0]?.name ?? hostname(),
    address: host,
    port: dns.port,
    metricsPort: status.port,
  });
  parts.add(dns);
  parts.add(status);
  parts.add(dnsServiceController({ client, informers, clock, logger }, where));
}

/** The node's resolvers, without those of one link only (`fe80::1%eth0`), and without the cluster's own. */
export function usableUpstreams(servers: readonly string[], clusterIp: string): readonly string[] {
  return servers.filter((server) => !server.includes('%') && server !== clusterIp);
}
