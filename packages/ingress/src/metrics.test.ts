import { Registry } from 'prom-client';
import { expect, it } from 'vitest';
import { ingressMetrics } from './metrics.ts';

it('counts requests by Ingress and status, retries, and connections', async () => {
  const registry = new Registry();
  const count = ingressMetrics(registry, () => 3);
  const entry = { time: '', remoteAddress: '', host: 'h', target: '/', protocol: 'HTTP/1.1', durationMs: 20, retries: 0 };

  count({ ...entry, method: 'GET', status: 200, ingress: 'n/i', backend: 'n/s:80', retries: 2 });
  count({ ...entry, method: 'BREW', status: 404 });

  const text = await registry.metrics();
  expect(text).toContain('keelson_ingress_requests_total{ingress="n/i",backend="n/s:80",method="GET",status="200"} 1');
  expect(text).toContain('keelson_ingress_requests_total{ingress="",backend="",method="other",status="404"} 1');
  expect(text).toContain('keelson_ingress_upstream_retries_total{ingress="n/i",backend="n/s:80"} 2');
  expect(text).toContain('keelson_ingress_request_duration_seconds_bucket{le="0.025",ingress="n/i"} 1');
  expect(text).toContain('keelson_ingress_connections 3');
});
