import { silentLogger } from '@keelson/base';
import { ManualClock } from '@keelson/base/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { mapOf, servicePort } from '../testing/service-ports.ts';
import { ProxyHealth } from './proxy-health.ts';
import { ProxyMetrics } from './proxy-metrics.ts';
import { StatusServer } from './status-server.ts';

const GRACE_MS = 120_000;
const anywhere = { address: '127.0.0.1', port: 0 };

describe('the status of a proxy', () => {
  const clock = new ManualClock();
  let health: ProxyHealth;
  let metrics: ProxyMetrics;
  let server: StatusServer;

  beforeEach(async () => {
    health = new ProxyHealth(clock, GRACE_MS);
    metrics = new ProxyMetrics('nftables', 'IPv4');
    server = new StatusServer(
      { proxies: [{ health, metrics }], mode: 'nftables', logger: silentLogger },
      { health: anywhere, metrics: anywhere },
    );
    await server.start();
  });
  afterEach(() => server.stop());

  const get = async (path: string, which = 0) => {
    const response = await fetch(`http://127.0.0.1:${server.ports[which]}${path}`);
    return { code: response.status, body: await response.text() };
  };

  it('is not healthy before the first sync, and healthy after it with nothing to do', async () => {
    expect((await get('/healthz')).code).toBe(503);
    health.updated();
    await clock.advance(10 * GRACE_MS);

    const { code, body } = await get('/healthz');

    expect(code).toBe(200);
    expect(JSON.parse(body)).toEqual({
      lastUpdated: new Date(clock.now()).toISOString(),
      currentTime: new Date(clock.now()).toISOString(),
      nodeEligible: true,
    });
  });

  it('is not healthy while a change waits for too long, and says when it last was', async () => {
    health.updated();
    const lastUpdated = new Date(clock.now()).toISOString();
    health.queued();
    await clock.advance(GRACE_MS - 1);
    expect((await get('/livez')).code).toBe(200);
    health.began();
    await clock.advance(1);

    const { code, body } = await get('/livez');

    expect(code).toBe(503);
    expect(JSON.parse(body)).toMatchObject({ lastUpdated });
    health.updated();
    expect((await get('/livez')).code).toBe(200);
  });

  it('sends load balancers away from a node that is leaving, and lives on', async () => {
    health.updated();
    health.nodeIs({ spec: { taints: [{ key: 'ToBeDeletedByClusterAutoscaler', effect: 'NoSchedule' }] } });

    expect(await get('/healthz')).toMatchObject({ code: 503, body: expect.stringContaining('"nodeEligible":false') });
    expect((await get('/livez')).code).toBe(200);
  });

  it('counts under the names of kube-proxy', async () => {
    metrics.changed('endpoint');
    metrics.synced({ full: false, failed: false, seconds: 0.003 }, 5_000);
    metrics.synced({ full: true, failed: true, seconds: 0.1 }, 6_000);
    metrics.programmed(0.3);
    metrics.serves(mapOf(servicePort({ internalTrafficPolicy: 'Local', endpoints: ['10.0.0.1:80'] })));
    await get('/livez');

    const { body } = await get('/metrics', 1);

    for (const line of [
      'kubeproxy_sync_proxy_rules_duration_seconds_bucket{ip_family="IPv4",le="0.004"} 1',
      'kubeproxy_sync_proxy_rules_duration_seconds_count{ip_family="IPv4"} 2',
      'kubeproxy_sync_full_proxy_rules_duration_seconds_count{ip_family="IPv4"} 1',
      'kubeproxy_sync_partial_proxy_rules_duration_seconds_count{ip_family="IPv4"} 1',
      'kubeproxy_network_programming_duration_seconds_bucket{ip_family="IPv4",le="0.5"} 1',
      'kubeproxy_sync_proxy_rules_endpoint_changes_pending{ip_family="IPv4"} 1',
      'kubeproxy_sync_proxy_rules_last_timestamp_seconds{ip_family="IPv4"} 5',
      'kubeproxy_sync_proxy_rules_nftables_sync_failures_total{ip_family="IPv4"} 1',
      'kubeproxy_sync_proxy_rules_no_local_endpoints_total{ip_family="IPv4",traffic_policy="internal"} 1',
      'kubeproxy_proxy_livez_total{code="503"} 1',
    ])
      expect(body.split('\n')).toContain(line);
    expect(await get('/proxyMode', 1)).toEqual({ code: 200, body: 'nftables' });
    expect((await get('/nothing', 1)).code).toBe(404);
  });

  it('speaks for the proxies of both families: is as healthy as the worse one, and describes each metric once', async () => {
    const other = { health: new ProxyHealth(clock, GRACE_MS), metrics: new ProxyMetrics('nftables', 'IPv6') };
    const both = new StatusServer(
      { proxies: [{ health, metrics }, other], mode: 'nftables', logger: silentLogger },
      { health: anywhere, metrics: anywhere },
    );
    await both.start();
    const ask = async (path: string, which: number) => fetch(`http://127.0.0.1:${both.ports[which]}${path}`);
    health.updated();
    expect((await ask('/livez', 0)).status).toBe(503);
    other.health.updated();
    expect((await ask('/livez', 0)).status).toBe(200);
    other.metrics.changed('service');

    const lines = (await (await ask('/metrics', 1)).text()).split('\n');

    const changes = 'kubeproxy_sync_proxy_rules_service_changes_total';
    expect(lines.filter((line) => line.includes(changes))).toEqual([
      `# HELP ${changes} Cumulative proxy rules Service changes`,
      `# TYPE ${changes} counter`,
      `${changes}{ip_family="IPv4"} 0`,
      `${changes}{ip_family="IPv6"} 1`,
    ]);
    expect(lines.filter((line) => line.startsWith('kubeproxy_proxy_livez_total'))).toEqual([
      'kubeproxy_proxy_livez_total{code="503"} 1',
      'kubeproxy_proxy_livez_total{code="200"} 1',
    ]);
    expect(new Set(lines.filter((line) => line.startsWith('# HELP'))).size).toBe(
      lines.filter((line) => line.startsWith('# HELP')).length,
    );
    await both.stop();
  });

  it('leaves a port alone that is taken', async () => {
    const [port = 0] = server.ports;
    const other = new StatusServer(
      { proxies: [{ health, metrics }], mode: 'nftables', logger: silentLogger },
      { health: { address: '127.0.0.1', port } },
    );

    await other.start();

    expect(other.ports).toEqual([]);
    await other.stop();
  });
});
