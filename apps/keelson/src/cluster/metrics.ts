import { KUBELET_CONNECTION } from '@keelson/api-server';
import type { Lifecycle } from '@keelson/base';
import { createClient } from '@keelson/client';
import { announceMetrics, kubeletSource, METRICS_SERVER, METRICS_SOURCE } from '@keelson/metrics-server';
import { metricsServerModule } from '@keelson/metrics-server/module';
import { Container } from 'inversify';
import type { ComponentContext } from './component-context.ts';
import { BOOTSTRAP } from './users.ts';

/** `metrics.k8s.io`, collected from the kubelets and served by the API server of this process. */
export function addMetrics(parts: Lifecycle, { container, server }: ComponentContext): void {
  const own = new Container({ parent: container });
  own.load(metricsServerModule());
  if (!container.isBound(METRICS_SOURCE)) {
    own.bind(METRICS_SOURCE).toConstantValue(kubeletSource(container.get(KUBELET_CONNECTION)));
  }
  const metrics = own.get(METRICS_SERVER);
  server.extend({ virtualResources: metrics.resources });
  const client = createClient(server.transport(BOOTSTRAP));
  parts.add({
    name: 'metrics API',
    start: () => announceMetrics(client),
    stop: async () => undefined,
  });
  parts.add(metrics);
}
