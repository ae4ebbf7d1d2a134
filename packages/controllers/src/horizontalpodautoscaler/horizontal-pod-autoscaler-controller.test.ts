import { eventually } from '@keelson/base/testing';
import { findCondition, formatTime, nameOf } from '@keelson/api';
import { Deployment } from '@keelson/api/apps/v1';
import { HorizontalPodAutoscaler, type HorizontalPodAutoscalerSpec, type MetricSpec } from '@keelson/api/autoscaling/v2';
import { Pod } from '@keelson/api/core/v1';
import type { ApiCall } from '@keelson/client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WorkloadWorld } from '../pod-control/testing/workload-world.ts';
import { horizontalPodAutoscalerController } from './horizontal-pod-autoscaler-controller.ts';

const CPU: MetricSpec = { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 50 } } };

describe('horizontalPodAutoscalerController', () => {
  let world: WorkloadWorld;
  /** Milli-CPU that each pod uses; `undefined` if there is no API of metrics. */
  let cpu: ((pod: string) => number | undefined) | undefined;
  /** Answers of other APIs of metrics, by path. */
  let others: Record<string, object>;
  let asked: string[];

  beforeEach(async () => {
    [cpu, others, asked] = [() => 50, {}, []];
    world = await WorkloadWorld.start(horizontalPodAutoscalerController());
    world.world.answer = answer;
  });
  afterEach(() => world[Symbol.asyncDispose]());

  let pods: readonly Pod[] = [];

  function answer({ path, query }: ApiCall): object | undefined {
    if (path.startsWith('/apis/metrics.k8s.io/') && cpu)
      return { items: pods.flatMap((pod) => metricsOf(pod, cpu?.(nameOf(pod)))) };
    if (!path.includes('metrics.k8s.io')) return undefined;
    asked.push(`${path} ${JSON.stringify(query ?? {})}`);
    return others[path];
  }

  function metricsOf(pod: Pod, milli: number | undefined): object[] {
    if (milli === undefined) return [];
    const usage = { cpu: `${milli}m`, memory: '64Mi' };
    const containers = [
      { name: 'c', usage },
      { name: 'side', usage: { cpu: '0', memory: '1Mi' } },
    ];
    return [{ metadata: pod.metadata, timestamp: formatTime(world.clock.now()), window: '15s', containers }];
  }

  /** A Deployment of `replicas` pods that have run for an hour, each asking for 100m. */
  async function workload(replicas: number, name = 'web'): Promise<void> {
    const resources = { requests: { cpu: '100m', memory: '64Mi' } };
    const containers = [
      { name: 'c', image: 'i', resources },
      { name: 'side', image: 'i', resources: { requests: { cpu: '0', memory: '0' } } },
    ];
    const template = { metadata: { labels: { app: 'web' } }, spec: { containers } };
    await world.create(Deployment, {
      metadata: { name },
      spec: { replicas, selector: { matchLabels: { app: 'web' } }, template },
    });
    for (let at = 0; at < replicas; at += 1) {
      const pod = await world.create(Pod, { metadata: { name: `${name}-${at}`, labels: { app: 'web' } }, spec: { containers } });
      const longAgo = formatTime(world.clock.now() - 3_600_000);
      const conditions = [{ type: 'Ready', status: 'True', lastTransitionTime: longAgo }];
      await world.setStatus(pod, { phase: 'Running', startTime: longAgo, conditions });
    }
    await world.client.resource(Deployment).patchStatus({ name, namespace: 'default' }, 'merge', { status: { replicas } });
    pods = await world.pods();
    await world.settle();
  }

  async function autoscale(spec: Partial<HorizontalPodAutoscalerSpec> = {}, name = 'web'): Promise<void> {
    const scaleTargetRef = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' };
    const full = { scaleTargetRef, minReplicas: 1, maxReplicas: 10, metrics: [CPU], ...spec };
    await world.create(HorizontalPodAutoscaler, { metadata: { name }, spec: full });
    await eventually(async () => (await scaler(name)).status?.conditions !== undefined);
  }

  const scaler = (name = 'web') => world.get(HorizontalPodAutoscaler, name);
  const wanted = async () => (await world.get(Deployment, 'web')).spec?.replicas;
  async function condition(type: string, name = 'web'): Promise<object | undefined> {
    const { status, reason, message } = findCondition((await scaler(name)).status?.conditions, type) ?? { status: '' };
    return { status, reason, message };
  }
  /** Lets its next look pass. */
  async function look(seconds = 15): Promise<void> {
    await world.clock.advance(seconds * 1000);
    await world.settle();
  }

  it('gives a workload as many pods as its use of CPU asks for, and says so', async () => {
    cpu = () => 100;
    await workload(2);
    await autoscale();

    expect(await wanted()).toBe(4);
    expect((await scaler()).status).toMatchObject({
      currentReplicas: 2,
      desiredReplicas: 4,
      lastScaleTime: expect.any(String),
      currentMetrics: [
        { type: 'Resource', resource: { name: 'cpu', current: { averageUtilization: 100, averageValue: '100m' } } },
      ],
    });
    expect(await condition('AbleToScale')).toEqual({
      status: 'True',
      reason: 'SucceededRescale',
      message: 'the HPA controller was able to update the target scale to 4',
    });
    expect(await condition('ScalingActive')).toEqual({
      status: 'True',
      reason: 'ValidMetricFound',
      message: 'the HPA was able to successfully calculate a replica count from cpu resource utilization (percentage of request)',
    });
    expect(await condition('ScalingLimited')).toEqual({
      status: 'False',
      reason: 'DesiredWithinRange',
      message: 'the desired count is within the acceptable range',
    });
    await eventually(async () => (await world.messages('SuccessfulRescale')).length > 0);
    expect(await world.messages('SuccessfulRescale')).toEqual([
      'New size: 4; reason: cpu resource utilization (percentage of request) above target',
    ]);
  });

  it('goes down only after five minutes, and says meanwhile what it waits for', async () => {
    await workload(4);
    await autoscale();
    cpu = () => 10;

    await look();
    expect(await wanted()).toBe(4);
    expect(await condition('AbleToScale')).toMatchObject({ status: 'True', reason: 'ScaleDownStabilized' });

    for (let seconds = 0; seconds < 300; seconds += 15) await look();
    expect(await wanted()).toBe(1);
    await eventually(async () => (await world.messages('SuccessfulRescale')).length > 0);
    expect(await world.messages('SuccessfulRescale')).toEqual(['New size: 1; reason: All metrics below target']);
  });

  it('leaves alone what is near enough, by its own idea of near if it has one', async () => {
    cpu = () => 54;
    await workload(3);
    await autoscale();
    expect(await wanted()).toBe(3);

    const behavior = { scaleUp: { tolerance: '0.05' } };
    await world.patch(HorizontalPodAutoscaler, 'web', { spec: { behavior } });
    await world.settle();
    expect(await wanted()).toBe(4);
  });

  it('writes nothing while nothing changes', async () => {
    await workload(2);
    await autoscale();
    await look();
    const before = world.world.writes.length;

    for (let round = 0; round < 4; round += 1) await look();

    expect(world.world.writes.slice(before)).toEqual([]);
  });

  it.each([
    { replicas: 5, spec: { maxReplicas: 3 }, want: 3, why: 'Current number of replicas above Spec.MaxReplicas' },
    { replicas: 1, spec: { minReplicas: 3 }, want: 3, why: 'Current number of replicas below Spec.MinReplicas' },
  ])('brings $replicas into the range of $spec, whatever metrics say', async ({ replicas, spec, want, why }) => {
    cpu = undefined;
    await workload(replicas);
    await autoscale(spec);

    expect(await wanted()).toBe(want);
    await eventually(async () => (await world.messages('SuccessfulRescale')).length > 0);
    expect(await world.messages('SuccessfulRescale')).toEqual([`New size: ${want}; reason: ${why}`]);
  });

  it('does nothing about a workload that is switched off', async () => {
    await workload(0);
    await autoscale();

    expect(await wanted()).toBe(0);
    expect(await condition('ScalingActive')).toEqual({
      status: 'False',
      reason: 'ScalingDisabled',
      message: 'scaling is disabled since the replica count of the target is zero',
    });
  });

  it.each([
    {
      title: 'no API of metrics',
      break: () => (cpu = undefined),
      why: 'unable to get metrics for resource cpu: unable to fetch metrics from resource metrics API: the server could not find the requested resource (get pods.metrics.k8s.io)',
    },
    {
      title: 'no metrics yet',
      break: () => (cpu = () => undefined),
      why: 'unable to get metrics for resource cpu: no metrics returned from resource metrics API',
    },
  ])('says that there are $title, and changes nothing', async ({ break: breakIt, why }) => {
    breakIt();
    await workload(2);
    await autoscale();

    expect(await wanted()).toBe(2);
    expect(await condition('ScalingActive')).toEqual({
      status: 'False',
      reason: 'FailedGetResourceMetric',
      message: `the HPA was unable to compute the replica count: failed to get cpu utilization: ${why}`,
    });
    await eventually(async () => (await world.messages('FailedComputeMetricsReplicas')).length > 0);
    expect(await world.messages('FailedComputeMetricsReplicas')).toEqual([
      `invalid metrics (1 invalid out of 1), first error is: failed to get cpu utilization: ${why}`,
    ]);
  });

  it('says which pod asks for nothing', async () => {
    await workload(1);
    const memory = { name: 'ephemeral-storage', target: { type: 'Utilization', averageUtilization: 50 } };
    cpu = () => 1;
    await autoscale({ metrics: [{ type: 'Resource', resource: memory }] });

    expect(await condition('ScalingActive')).toMatchObject({ status: 'False', reason: 'FailedGetResourceMetric' });
  });

  it('follows the metric that asks for the most, and none downwards while one is missing', async () => {
    const memory = (averageValue: string): MetricSpec => ({
      type: 'Resource',
      resource: { name: 'memory', target: { type: 'AverageValue', averageValue } },
    });
    const missing: MetricSpec = {
      type: 'Pods',
      pods: { metric: { name: 'hits' }, target: { type: 'AverageValue', averageValue: '10' } },
    };
    await workload(2);
    await autoscale({ metrics: [CPU, memory('13Mi'), missing] });
    expect(await wanted()).toBe(4);
    expect(await condition('ScalingLimited')).toMatchObject({ status: 'True', reason: 'ScaleUpLimit' });
    expect((await scaler()).status?.currentMetrics?.map(({ type }) => type)).toEqual(['Resource', 'Resource', '']);
    expect(await condition('ScalingActive')).toMatchObject({
      status: 'True',
      message: expect.stringMatching(/from memory resource$/),
    });

    cpu = () => 1;
    await world.patch(HorizontalPodAutoscaler, 'web', { spec: { metrics: [CPU, missing] } });
    for (let seconds = 0; seconds < 330; seconds += 15) await look();
    expect(await wanted()).toBe(4);
    expect(await condition('ScalingActive')).toEqual({
      status: 'False',
      reason: 'FailedGetPodsMetric',
      message:
        'the HPA was unable to compute the replica count: failed to get pods metric value: unable to get metric hits: unable to fetch metrics from custom metrics API: the server could not find the requested resource (get custom.metrics.k8s.io)',
    });
  });

  it('looks at one container alone', async () => {
    cpu = () => 100;
    await workload(1);
    const target = { type: 'Utilization', averageUtilization: 50 };
    await autoscale({ metrics: [{ type: 'ContainerResource', containerResource: { name: 'cpu', container: 'c', target } }] });

    expect(await wanted()).toBe(2);
    expect((await scaler()).status?.currentMetrics).toMatchObject([
      { type: 'ContainerResource', containerResource: { name: 'cpu', container: 'c', current: { averageUtilization: 100 } } },
    ]);
  });

  const custom = '/apis/custom.metrics.k8s.io/v1beta2/namespaces/default';
  const external = '/apis/external.metrics.k8s.io/v1beta1/namespaces/default';
  const selector = { matchLabels: { queue: 'a' } };
  it.each<{
    title: string;
    metric: MetricSpec;
    answers: () => Record<string, object>;
    want: number;
    status: object;
    from: string;
    asks: string;
  }>([
    {
      title: 'of its pods',
      metric: { type: 'Pods', pods: { metric: { name: 'hits' }, target: { type: 'AverageValue', averageValue: '10' } } },
      answers: () => ({
        [`${custom}/pods/*/hits`]: { items: pods.map((pod) => ({ describedObject: { name: nameOf(pod) }, value: '25' })) },
      }),
      want: 5,
      status: { pods: { metric: { name: 'hits' }, current: { averageValue: '25' } } },
      from: 'pods metric hits',
      asks: `${custom}/pods/*/hits {"labelSelector":"app=web"}`,
    },
    {
      title: 'of an object',
      metric: {
        type: 'Object',
        object: {
          metric: { name: 'hits', selector },
          describedObject: { apiVersion: 'networking.k8s.io/v1', kind: 'Ingress', name: 'front' },
          target: { type: 'Value', value: '100' },
        },
      },
      answers: () => ({ [`${custom}/ingresses.networking.k8s.io/front/hits`]: { items: [{ value: '150' }] } }),
      want: 3,
      status: { object: { current: { value: '150' } } },
      from: 'Ingress metric hits',
      asks: `${custom}/ingresses.networking.k8s.io/front/hits {"metricLabelSelector":"queue=a"}`,
    },
    {
      title: 'from outside, shared by its pods',
      metric: {
        type: 'External',
        external: { metric: { name: 'jobs', selector }, target: { type: 'AverageValue', averageValue: '4' } },
      },
      answers: () => ({ [`${external}/jobs`]: { items: [{ value: '10' }, { value: '9500m' }] } }),
      want: 5,
      status: { external: { current: { averageValue: '9750m' } } },
      from: 'external metric jobs(queue=a)',
      asks: `${external}/jobs {"labelSelector":"queue=a"}`,
    },
  ])('follows a metric $title', async ({ metric, answers, want, status, from, asks }) => {
    await workload(2);
    others = answers();
    const behavior = { scaleUp: { policies: [{ type: 'Pods', value: 9, periodSeconds: 15 }] } };
    await autoscale({ metrics: [metric], behavior });

    expect(asked).toContain(asks);
    expect(await wanted()).toBe(want);
    expect((await scaler()).status?.currentMetrics).toMatchObject([{ type: metric.type, ...status }]);
    expect(await condition('ScalingActive')).toMatchObject({
      message: `the HPA was able to successfully calculate a replica count from ${from}`,
    });
  });

  it.each([
    {
      ref: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'none' },
      why: 'deployments.apps "none" not found',
    },
    {
      ref: { apiVersion: 'example.com/v1', kind: 'Boat', name: 'web' },
      why: 'unable to determine resource for scale target reference: no matches for kind "Boat" in version "example.com/v1"',
    },
  ])('says that the scale of $ref cannot be had', async ({ ref, why }) => {
    await autoscale({ scaleTargetRef: ref });

    expect(await condition('AbleToScale')).toEqual({
      status: 'False',
      reason: 'FailedGetScale',
      message: `the HPA controller was unable to get the target's current scale: ${why}`,
    });
    await eventually(async () => (await world.messages('FailedGetScale')).length > 0);
  });

  it('does not fight with another autoscaler over the same pods', async () => {
    cpu = () => 100;
    await workload(2);
    await autoscale({ maxReplicas: 2 });
    await autoscale({ minReplicas: 2 }, 'rival');
    await look();

    expect(await wanted()).toBe(2);
    expect(await condition('ScalingActive', 'rival')).toEqual({
      status: 'False',
      reason: 'AmbiguousSelector',
      message: 'pods by selector app=web are controlled by multiple HPAs: [default/rival default/web]',
    });
    await world.client.resource(HorizontalPodAutoscaler).delete({ name: 'web', namespace: 'default' });
    await look();
    expect(await wanted()).toBe(4);
  });

  it('tells that its change was refused, and tries again', async () => {
    cpu = () => 100;
    await workload(2);
    let refused = false;
    world.world.failure = ({ method, path }) => {
      if (refused || method !== 'PUT' || !path.endsWith('/scale')) return undefined;
      refused = true;
      return new Error('not now');
    };
    await autoscale();
    await eventually(async () => (await world.messages('FailedRescale')).length > 0);

    expect(await world.messages('FailedRescale')).toEqual([
      'New size: 4; reason: cpu resource utilization (percentage of request) above target; error: not now',
    ]);
    await look();
    expect(await wanted()).toBe(4);
  });
});
