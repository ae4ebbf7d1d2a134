import type { KubernetesObject } from '@keelson/api';
import { describe, expect, it } from 'vitest';
import { strategyOf } from '../index.ts';
import { CONTEXT, defaulted, problems, updateProblems } from '../test-support.ts';

const TEMPLATE = { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'a', image: 'b' }] } };
const SELECTOR = { matchLabels: { app: 'web' } };

interface Workload extends KubernetesObject {
  spec: Record<string, unknown>;
}

function workload(kind: string, spec: object = {}): Workload {
  return { kind, metadata: { name: 'web', namespace: 'default' }, spec: { selector: SELECTOR, template: TEMPLATE, ...spec } };
}

describe('defaults', () => {
  it.each<{ group: string; kind: string; given?: object; want: object }>([
    {
      group: 'apps',
      kind: 'Deployment',
      want: {
        replicas: 1,
        revisionHistoryLimit: 10,
        progressDeadlineSeconds: 600,
        strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '25%', maxSurge: '25%' } },
      },
    },
    {
      group: 'apps',
      kind: 'Deployment',
      given: { replicas: 0, strategy: { type: 'Recreate' } },
      want: { replicas: 0, strategy: { type: 'Recreate' } },
    },
    { group: 'apps', kind: 'ReplicaSet', want: { replicas: 1 } },
    { group: '', kind: 'ReplicationController', given: { selector: undefined }, want: { replicas: 1, selector: { app: 'web' } } },
    {
      group: 'apps',
      kind: 'StatefulSet',
      given: { volumeClaimTemplates: [{ metadata: { name: 'd' }, spec: {} }] },
      want: {
        replicas: 1,
        revisionHistoryLimit: 10,
        podManagementPolicy: 'OrderedReady',
        updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 0 } },
        persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain', whenScaled: 'Retain' },
        volumeClaimTemplates: [
          { apiVersion: 'v1', kind: 'PersistentVolumeClaim', spec: { volumeMode: 'Filesystem' }, status: { phase: 'Pending' } },
        ],
      },
    },
    {
      group: 'apps',
      kind: 'DaemonSet',
      want: {
        revisionHistoryLimit: 10,
        updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1, maxSurge: 0 } },
      },
    },
    {
      group: 'batch',
      kind: 'Job',
      want: {
        completions: 1,
        parallelism: 1,
        backoffLimit: 6,
        completionMode: 'NonIndexed',
        suspend: false,
        podReplacementPolicy: 'TerminatingOrFailed',
      },
    },
    {
      group: 'batch',
      kind: 'Job',
      given: { parallelism: 3, backoffLimitPerIndex: 1 },
      want: { parallelism: 3, backoffLimit: 2_147_483_647 },
    },
    {
      group: 'batch',
      kind: 'CronJob',
      given: { schedule: '* * * * *', jobTemplate: { spec: {} } },
      want: {
        concurrencyPolicy: 'Allow',
        suspend: false,
        successfulJobsHistoryLimit: 3,
        failedJobsHistoryLimit: 1,
        jobTemplate: { spec: {} },
      },
    },
  ])('$kind', ({ group, kind, given, want }) => {
    const once = defaulted(group, workload(kind, given));

    expect(once.spec).toMatchObject(want);
    expect(defaulted(group, once)).toEqual(once);
  });

  it('labels a ReplicationController and a Job as their pods, a Deployment not', () => {
    expect(defaulted('', workload('ReplicationController')).metadata?.labels).toEqual({ app: 'web' });
    expect(defaulted('batch', workload('Job')).metadata?.labels).toEqual({ app: 'web' });
    expect(defaulted('apps', workload('Deployment')).metadata?.labels).toBeUndefined();
  });
});

const MISMATCH = 'spec.template.metadata.labels: Invalid value: {"app":"web"}: `selector` does not match template `labels`';

describe('validation', () => {
  it.each<{ title: string; group: string; kind: string; spec: object; want: string[] }>([
    { title: 'a good Deployment', group: 'apps', kind: 'Deployment', spec: {}, want: [] },
    {
      title: 'no selector',
      group: 'apps',
      kind: 'Deployment',
      spec: { selector: undefined },
      want: ['spec.selector: Required value', MISMATCH],
    },
    {
      title: 'a selector of everything',
      group: 'apps',
      kind: 'Deployment',
      spec: { selector: {} },
      want: ['spec.selector: Invalid value: {}: empty selector is invalid for deployment'],
    },
    {
      title: 'a selector of others',
      group: 'apps',
      kind: 'Deployment',
      spec: { selector: { matchLabels: { app: 'other' } } },
      want: [MISMATCH],
    },
    {
      title: 'an operator that does not exist',
      group: 'apps',
      kind: 'Deployment',
      spec: { selector: { matchExpressions: [{ key: 'a', operator: 'Near' }] } },
      want: ['spec.selector.matchExpressions[0].operator: Invalid value: "Near": not a valid selector operator'],
    },
    {
      title: 'negative replicas',
      group: 'apps',
      kind: 'Deployment',
      spec: { replicas: -1 },
      want: ['spec.replicas: Invalid value: -1: must be greater than or equal to 0'],
    },
    {
      title: 'no progress at all',
      group: 'apps',
      kind: 'Deployment',
      spec: { strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: '0%' } } },
      want: ['spec.strategy.rollingUpdate.maxUnavailable: Invalid value: 0: may not be 0 when `maxSurge` is 0'],
    },
    {
      title: 'more than all',
      group: 'apps',
      kind: 'Deployment',
      spec: { strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '101%' } } },
      want: ['spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "101%": must not be greater than 100%'],
    },
    {
      title: 'what is no percentage',
      group: 'apps',
      kind: 'Deployment',
      spec: { strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 'a lot' } } },
      want: [
        `spec.strategy.rollingUpdate.maxSurge: Invalid value: "a lot": a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')`,
      ],
    },
    {
      title: 'a rolling update that recreates',
      group: 'apps',
      kind: 'Deployment',
      spec: { strategy: { type: 'Recreate', rollingUpdate: {} } },
      want: ["spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'"],
    },
    {
      title: 'unknown strategies',
      group: 'apps',
      kind: 'Deployment',
      spec: { strategy: { type: 'X' } },
      want: ['spec.strategy.type: Unsupported value: "X": supported values: "Recreate", "RollingUpdate"'],
    },
    {
      title: 'a deadline too near',
      group: 'apps',
      kind: 'Deployment',
      spec: { minReadySeconds: 10, progressDeadlineSeconds: 10 },
      want: ['spec.progressDeadlineSeconds: Invalid value: 10: must be greater than minReadySeconds'],
    },
    {
      title: 'pods that end',
      group: 'apps',
      kind: 'ReplicaSet',
      spec: { template: { ...TEMPLATE, spec: { ...TEMPLATE.spec, restartPolicy: 'Never' } } },
      want: ['spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"'],
    },
    {
      title: 'pods that are wrong in themselves',
      group: 'apps',
      kind: 'ReplicaSet',
      spec: { template: { ...TEMPLATE, spec: { containers: [{ name: 'a' }] } } },
      want: ['spec.template.spec.containers[0].image: Required value'],
    },
    {
      title: 'no template',
      group: '',
      kind: 'ReplicationController',
      spec: { selector: { a: 'b' }, template: undefined },
      want: ['spec.template: Required value'],
    },
    { title: 'a selector of others', group: '', kind: 'ReplicationController', spec: { selector: { a: 'b' } }, want: [MISMATCH] },
    {
      title: 'unknown orders',
      group: 'apps',
      kind: 'StatefulSet',
      spec: { podManagementPolicy: 'X' },
      want: [`spec.podManagementPolicy: Invalid value: "X": must be 'OrderedReady' or 'Parallel'`],
    },
    {
      title: 'two ways of rolling',
      group: 'apps',
      kind: 'DaemonSet',
      spec: { updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1, maxSurge: 1 } } },
      want: ['spec.updateStrategy.rollingUpdate.maxSurge: Invalid value: 1: may not be set when maxUnavailable is non-zero'],
    },
    {
      title: 'no way of rolling',
      group: 'apps',
      kind: 'DaemonSet',
      spec: { updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0 } } },
      want: ['spec.updateStrategy.rollingUpdate.maxUnavailable: Required value: cannot be 0 when maxSurge is 0'],
    },
    {
      title: 'pods that never end',
      group: 'batch',
      kind: 'Job',
      spec: { manualSelector: true },
      want: ['spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"'],
    },
    {
      title: 'schedules of four fields',
      group: 'batch',
      kind: 'CronJob',
      spec: { schedule: '* * * *', jobTemplate: { spec: { template: { spec: { ...TEMPLATE.spec, restartPolicy: 'Never' } } } } },
      want: ['spec.schedule: Invalid value: "* * * *": expected exactly 5 fields, found 4: [* * * *]'],
    },
    {
      title: 'times of nowhere',
      group: 'batch',
      kind: 'CronJob',
      spec: {
        schedule: '@daily',
        timeZone: 'Mars/Base',
        jobTemplate: { spec: { template: { spec: { ...TEMPLATE.spec, restartPolicy: 'Never' } } } },
      },
      want: ['spec.timeZone: Invalid value: "Mars/Base": unknown time zone Mars/Base'],
    },
  ])('$kind: $title', ({ group, kind, spec, want }) => {
    expect(problems(group, workload(kind, spec))).toEqual(want);
  });
});

it('lets the pods of a StatefulSet mount what its claims will bring', () => {
  const containers = [{ name: 'a', image: 'b', volumeMounts: [{ name: 'data', mountPath: '/data' }] }];
  const template = { ...TEMPLATE, spec: { ...TEMPLATE.spec, containers } };
  const volumeClaimTemplates = [{ metadata: { name: 'data' }, spec: { accessModes: ['ReadWriteOnce'] } }];

  expect(problems('apps', workload('StatefulSet', { template, volumeClaimTemplates }))).toEqual([]);
  expect(problems('apps', workload('Deployment', { template }))).not.toEqual([]);
});

describe('changes', () => {
  it.each([
    ['apps', 'Deployment'],
    ['apps', 'ReplicaSet'],
    ['apps', 'DaemonSet'],
  ])('of the selector of a %s %s are refused', (group, kind) => {
    const selector = { matchLabels: { app: 'web', tier: 'x' } };
    const template = { ...TEMPLATE, metadata: { labels: { app: 'web', tier: 'x' } } };

    expect(updateProblems(group, workload(kind), workload(kind, { selector, template }))).toEqual([
      'spec.selector: Invalid value: {"matchLabels":{"app":"web","tier":"x"}}: field is immutable',
    ]);
  });

  it('of a StatefulSet are few', () => {
    expect(updateProblems('apps', workload('StatefulSet'), workload('StatefulSet', { replicas: 3 }))).toEqual([]);
    expect(updateProblems('apps', workload('StatefulSet'), workload('StatefulSet', { serviceName: 'x' }))).toEqual([
      "spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden",
    ]);
  });

  it("of a Job's pods are refused once it runs", () => {
    const template = { ...TEMPLATE, spec: { ...TEMPLATE.spec, restartPolicy: 'Never' } };
    const other = { ...TEMPLATE, spec: { containers: [{ name: 'a', image: 'c' }], restartPolicy: 'Never' } };

    expect(updateProblems('batch', workload('Job', { template }), workload('Job', { template: other }))).toEqual([
      expect.stringMatching(/^spec\.template: Invalid value: .*: field is immutable$/),
    ]);
    expect(
      updateProblems('batch', workload('Job', { template, suspend: true }), workload('Job', { template: other, suspend: true })),
    ).toEqual([expect.stringMatching(/^spec\.template: Invalid value: .*: field is immutable$/)]);
  });

  it('of where the pods of a Job run are free until it begins', () => {
    const spec = { ...TEMPLATE.spec, restartPolicy: 'Never' };
    const old = workload('Job', { template: { ...TEMPLATE, spec }, suspend: true });
    const moved = { ...TEMPLATE, spec: { ...spec, nodeSelector: { zone: 'a' }, tolerations: [{ operator: 'Exists' }] } };
    const next = workload('Job', { template: moved, suspend: true });

    expect(updateProblems('batch', old, next)).toEqual([]);
    expect(updateProblems('batch', { ...old, status: { startTime: '2026-01-01T00:00:00Z' } } as KubernetesObject, next)).toEqual([
      expect.stringMatching(/^spec\.template: Invalid value: .*: field is immutable$/),
    ]);
  });

  it.each([
    { title: 'the spec', group: 'apps', kind: 'Deployment', change: { spec: { replicas: 2 } }, want: true },
    { title: 'annotations', group: 'apps', kind: 'Deployment', change: { metadata: { annotations: { a: 'b' } } }, want: true },
    { title: 'labels', group: 'apps', kind: 'Deployment', change: { metadata: { labels: { a: 'b' } } }, want: false },
    { title: 'the status', group: 'apps', kind: 'Deployment', change: { status: { replicas: 1 } }, want: false },
  ])('of $title of a Deployment count as one of what is wanted: $want', ({ group, kind, change, want }) => {
    const old = { kind, metadata: {}, spec: {} };

    expect(strategyOf(group, kind).generationChanged?.({ ...old, ...change } as KubernetesObject, old)).toBe(want);
  });

  it("of a DaemonSet's template are counted in an annotation", () => {
    const strategy = strategyOf('apps', 'DaemonSet');
    const old = workload('DaemonSet');
    strategy.prepareForCreate?.(old, CONTEXT);
    strategy.setDefaults?.(old);
    const same = workload('DaemonSet');
    const other = workload('DaemonSet', { template: { ...TEMPLATE, spec: { containers: [{ name: 'a', image: 'c' }] } } });

    strategy.prepareForUpdate?.(same, old, CONTEXT);
    strategy.prepareForUpdate?.(other, old, CONTEXT);

    expect(same.metadata?.annotations).toEqual({ 'deprecated.daemonset.template.generation': '1' });
    expect(other.metadata?.annotations).toEqual({ 'deprecated.daemonset.template.generation': '2' });
  });
});

it('lets a Job find its pods by its uid', () => {
  const job = {
    ...workload('Job', { selector: undefined, template: structuredClone(TEMPLATE) }),
    metadata: { name: 'j', uid: '123' },
  };

  strategyOf('batch', 'Job').prepareForCreate?.(job, CONTEXT);

  expect(job.spec).toMatchObject({
    selector: { matchLabels: { 'batch.kubernetes.io/controller-uid': '123' } },
    template: {
      metadata: {
        labels: {
          app: 'web',
          'job-name': 'j',
          'batch.kubernetes.io/job-name': 'j',
          'controller-uid': '123',
          'batch.kubernetes.io/controller-uid': '123',
        },
      },
    },
  });
});

it.each([
  ['', 'ReplicationController', 'Orphan'],
  ['batch', 'Job', 'Orphan'],
  ['batch', 'CronJob', undefined],
  ['apps', 'Deployment', undefined],
  ['apps', 'StatefulSet', undefined],
])('by default deletes a %s %s with dependents: %s', (group, kind, want) => {
  expect(strategyOf(group, kind).defaultPropagation).toBe(want);
});

it('leave ports of the host open in the network of a node, for their pods to get', () => {
  const inNetworkOfNode = (port: object) => {
    const containers = [{ name: 'a', image: 'b', ports: [{ containerPort: 1, ...port }] }];
    return problems('apps', workload('DaemonSet', { template: { ...TEMPLATE, spec: { hostNetwork: true, containers } } }));
  };

  expect(inNetworkOfNode({})).toEqual([]);
  expect(inNetworkOfNode({ hostPort: 2 })).toEqual([
    'spec.template.spec.containers[0].ports[0].hostPort: Invalid value: 2: must match `containerPort` when `hostNetwork` is true',
  ]);
});
