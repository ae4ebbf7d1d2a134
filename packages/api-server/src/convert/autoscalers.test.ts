import type { HorizontalPodAutoscaler } from '@keelson/api/autoscaling/v2';
import { expect, it } from 'vitest';
import { startTestApiServer } from '../testing.ts';
import { autoscalerFromV2, autoscalerToV2 } from './autoscalers.ts';

const SCALERS = (version: string) => `/apis/autoscaling/${version}/namespaces/default/horizontalpodautoscalers`;
const scaleTargetRef = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' };

const full: HorizontalPodAutoscaler = {
  kind: 'HorizontalPodAutoscaler',
  apiVersion: 'autoscaling/v2',
  metadata: { name: 'web', annotations: { mine: 'x' } },
  spec: {
    scaleTargetRef,
    maxReplicas: 5,
    metrics: [
      { type: 'Resource', resource: { name: 'memory', target: { type: 'AverageValue', averageValue: '1Gi' } } },
      { type: 'Pods', pods: { metric: { name: 'qps' }, target: { type: 'AverageValue', averageValue: '10' } } },
      {
        type: 'Object',
        object: { metric: { name: 'hits' }, describedObject: scaleTargetRef, target: { type: 'Value', value: '2k' } },
      },
      {
        type: 'External',
        external: { metric: { name: 'queue', selector: { matchLabels: { a: 'b' } } }, target: { type: 'Value', value: '30' } },
      },
      {
        type: 'ContainerResource',
        containerResource: { name: 'cpu', container: 'app', target: { type: 'Utilization', averageUtilization: 70 } },
      },
      { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 50 } } },
    ],
    behavior: { scaleDown: { stabilizationWindowSeconds: 60 } },
  },
  status: {
    currentReplicas: 2,
    desiredReplicas: 3,
    currentMetrics: [{ type: 'Resource', resource: { name: 'cpu', current: { averageUtilization: 40, averageValue: '400m' } } }],
    conditions: [{ type: 'AbleToScale', status: 'True' }],
  },
};

it('loses nothing on the way to v1 and back', () => {
  expect(autoscalerToV2(autoscalerFromV2(full))).toEqual(full);
});

it('gives v1 its target and its present utilization', () => {
  const { spec, status, metadata } = autoscalerFromV2(full) as unknown as Record<'spec' | 'status' | 'metadata', object>;

  expect(spec).toEqual({ scaleTargetRef, maxReplicas: 5, targetCPUUtilizationPercentage: 50 });
  expect(status).toEqual({ currentReplicas: 2, desiredReplicas: 3, currentCPUUtilizationPercentage: 40 });
  expect(metadata).toMatchObject({
    annotations: {
      mine: 'x',
      'autoscaling.alpha.kubernetes.io/conditions': '[{"type":"AbleToScale","status":"True"}]',
      'autoscaling.alpha.kubernetes.io/behavior': '{"scaleDown":{"stabilizationWindowSeconds":60}}',
    },
  });
});

it('ignores annotations that are not what they should be', () => {
  const annotations = { 'autoscaling.alpha.kubernetes.io/metrics': '{broken', 'autoscaling.alpha.kubernetes.io/behavior': '[]' };

  const v2 = autoscalerToV2({ kind: 'HorizontalPodAutoscaler', metadata: { annotations } });

  expect(v2).toEqual({ kind: 'HorizontalPodAutoscaler', apiVersion: 'autoscaling/v2', metadata: {} });
});

it('serves what was created in v1 as v2, and the other way round', async () => {
  await using api = await startTestApiServer();
  const body = { metadata: { name: 'web' }, spec: { scaleTargetRef, maxReplicas: 3, targetCPUUtilizationPercentage: 60 } };
  await api.transport.request({ method: 'POST', path: SCALERS('v1'), body });

  const v2 = await api.transport.request({ method: 'GET', path: `${SCALERS('v2')}/web` });
  const v1 = await api.transport.request({ method: 'GET', path: `${SCALERS('v1')}/web` });

  expect(v2.body).toMatchObject({
    spec: { metrics: [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 60 } } }] },
  });
  expect(v1.body).toMatchObject({ apiVersion: 'autoscaling/v1', spec: { targetCPUUtilizationPercentage: 60, minReplicas: 1 } });
});
