import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { AccessEntry } from './access-log.ts';

const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** Counts requests by Ingress, not by host: clients can ask for any. Returns what is to be told of each. */
export function ingressMetrics(registry: Registry, connections: () => number): (entry: AccessEntry) => void {
  const registers = [registry];
  const labelNames = ['ingress', 'backend', 'method', 'status'];
  const requests = new Counter({ name: 'keelson_ingress_requests_total', help: 'Requests that are over', labelNames, registers });
  const retries = new Counter({
    name: 'keelson_ingress_upstream_retries_total',
    help: 'Requests that were sent to another endpoint, since one could not be reached',
    labelNames: ['ingress', 'backend'],
    registers,
  });
  const durations = new Histogram({
    name: 'keelson_ingress_request_duration_seconds',
    help: 'From the headers of the request to the end of the answer',
    labelNames: ['ingress'],
    buckets: BUCKETS,
    registers,
  });
  // Collects by itself.
  void new Gauge({
    name: 'keelson_ingress_connections',
    help: 'Open connections of clients',
    registers,
    collect() {
      this.set(connections());
    },
  });
  return ({ ingress = '', backend = '', method, status, durationMs, retries: count }) => {
    requests.inc({ ingress, backend, method: METHODS.has(method) ? method : 'other', status: String(status) });
    durations.observe({ ingress }, durationMs / 1_000);
    if (count > 0) retries.inc({ ingress, backend }, count);
  };
}

const METHODS = new Set('GET HEAD POST PUT PATCH DELETE OPTIONS'.split(' '));
