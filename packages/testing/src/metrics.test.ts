import { findCondition } from '@keelson/api';
import { Deployment } from '@keelson/api/apps/v1';
import { HorizontalPodAutoscaler } from '@keelson/api/autoscaling/v2';
import { PodMetrics } from '@keelson/api/metrics/v1beta1';
import { eventually, ManualClock } from '@keelson/base/testing';
import { expect, it } from 'vitest';
import { startCluster } from './cluster.ts';

const at = { name: 'web', namespace: 'default' };

it('grows a workload with its load, and lets it shrink five minutes after', async () => {
  const clock = new ManualClock(Date.UTC(2026, 0, 1));
  await using cluster = await startCluster({ clock, nodes: 2, metrics: true });
  let totalMilli = 200;
  let running = 1;
  for (const runtime of cluster.runtimes.values()) {
    runtime.loadOf = ({ name }) => (name === 'web' ? { cpuMilli: totalMilli / running } : undefined);
  }
  const deployments = cluster.client.resource(Deployment);
  const autoscalers = cluster.client.resource(HorizontalPodAutoscaler);
  const labels = { app: 'web' };
  const containers = [{ name: 'web', image: 'web:1', resources: { requests: { cpu: '100m' } } }];
  const template = { metadata: { labels }, spec: { containers } };
  await deployments.create({ metadata: at, spec: { replicas: 1, selector: { matchLabels: labels }, template } });
  const scaleTargetRef = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' };
  const cpu = { name: 'cpu', target: { type: 'Utilization', averageUtilization: 50 } };
  const metrics = [{ type: 'Resource', resource: cpu }];
  await autoscalers.create({ metadata: at, spec: { scaleTargetRef, maxReplicas: 10, metrics } });
  /** Moves time on until so many pods are wanted, and ready. */
  const whenReplicas = (count: number) =>
    eventually(
      async () => {
        await clock.advance(3000);
        const { spec, status } = await deployments.get(at);
        running = status?.readyReplicas ?? 1;
        return spec?.replicas === count && running === count;
      },
      { timeoutMs: 60_000 },
    );

  await whenReplicas(4);
  const used = (await cluster.client.resource(PodMetrics).list({ namespace: 'default', labelSelector: 'app=web' })).items;
  const scaledUpMs = clock.now();
  totalMilli = 60;
  await whenReplicas(2);

  expect(used.length).toBeGreaterThan(0);
  expect(clock.now() - scaledUpMs).toBeGreaterThanOrEqual(280_000);
  const conditions = (await autoscalers.get(at)).status?.conditions;
  expect(findCondition(conditions, 'ScalingActive')).toMatchObject({ status: 'True', reason: 'ValidMetricFound' });
});
