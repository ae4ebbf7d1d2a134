import type { Pod, PodSpec } from '@keelson/api/core/v1';
import { describe, expect, it } from 'vitest';
import { strategyOf } from '../index.ts';
import { CONTEXT, defaulted, texts, updateProblems } from '../test-support.ts';
import {
  preparePodEphemeralContainers,
  preparePodResize,
  validatePodEphemeralContainers,
  validatePodResize,
} from './pod-subresources.ts';

function podOf(spec: object = {}, rest: object = {}): Pod {
  return {
    kind: 'Pod',
    metadata: { name: 'web' },
    spec: { containers: [{ name: 'a', image: 'b' }], ...spec } as PodSpec,
    ...rest,
  };
}

const LIST =
  'spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)\n';

describe('a change of a pod', () => {
  it.each<{ title: string; old?: object; spec: object; want: string[] }>([
    { title: 'may be none', spec: {}, want: [] },
    { title: 'may bring another image', spec: { containers: [{ name: 'a', image: 'c' }] }, want: [] },
    {
      title: 'may not take the image away',
      spec: { containers: [{ name: 'a', image: '' }] },
      want: ['spec.containers[0].image: Required value'],
    },
    { title: 'may add tolerations', spec: { tolerations: [{ key: 'a', operator: 'Exists' }] }, want: [] },
    {
      title: 'may not drop tolerations',
      old: { tolerations: [{ key: 'a', operator: 'Exists' }] },
      spec: {},
      want: ['spec.tolerations: Forbidden: existing toleration can not be modified except its tolerationSeconds'],
    },
    { title: 'may set a deadline', spec: { activeDeadlineSeconds: 60 }, want: [] },
    { title: 'may bring the deadline nearer', old: { activeDeadlineSeconds: 60 }, spec: { activeDeadlineSeconds: 30 }, want: [] },
    {
      title: 'may not put the deadline off',
      old: { activeDeadlineSeconds: 30 },
      spec: { activeDeadlineSeconds: 60 },
      want: ['spec.activeDeadlineSeconds: Invalid value: 60: must be less than or equal to previous value'],
    },
    {
      title: 'may not lift the deadline',
      old: { activeDeadlineSeconds: 30 },
      spec: {},
      want: ['spec.activeDeadlineSeconds: Invalid value: "null": must not update from a positive integer to nil value'],
    },
    {
      title: 'may mend a negative grace',
      old: { terminationGracePeriodSeconds: -5 },
      spec: { terminationGracePeriodSeconds: 1 },
      want: [],
    },
    { title: 'may open gates', old: { schedulingGates: [{ name: 'a' }] }, spec: {}, want: [] },
    {
      title: 'may not close gates',
      spec: { schedulingGates: [{ name: 'a' }] },
      want: ["spec.schedulingGates[0].name: Forbidden: only deletion is allowed, but found new scheduling gate 'a'"],
    },
    {
      title: 'may narrow where a gated pod goes',
      old: { schedulingGates: [{ name: 'a' }] },
      spec: { schedulingGates: [{ name: 'a' }], nodeSelector: { a: 'b' } },
      want: [],
    },
    {
      title: 'may not narrow where another pod goes',
      spec: { nodeSelector: { a: 'b' } },
      want: [`${LIST}- nodeSelector: null\n+ nodeSelector: {"a":"b"}`],
    },
    {
      title: 'may not change the grace',
      spec: { terminationGracePeriodSeconds: 5 },
      want: [`${LIST}- terminationGracePeriodSeconds: 30\n+ terminationGracePeriodSeconds: 5`],
    },
    {
      title: 'may not bring containers',
      spec: {
        containers: [
          { name: 'a', image: 'b' },
          { name: 'c', image: 'd' },
        ],
      },
      want: ['spec.containers: Forbidden: pod updates may not add or remove containers'],
    },
    {
      title: 'may not bring init containers',
      spec: { initContainers: [{ name: 'c', image: 'd' }] },
      want: ['spec.initContainers: Forbidden: pod updates may not add or remove init containers'],
    },
    {
      title: 'may not bring ephemeral containers',
      spec: { ephemeralContainers: [{ name: 'c', image: 'd' }] },
      want: [expect.stringContaining(LIST) as string],
    },
  ])('$title', ({ old, spec, want }) => {
    expect(updateProblems('', podOf(old), podOf(spec))).toEqual(want);
  });
});

describe("a change of a pod's status", () => {
  const strategy = strategyOf('', 'Pod');

  it('mirrors the first address', () => {
    const pod = podOf({}, { status: { podIP: '10.0.0.1', hostIPs: [{ ip: '1.2.3.4' }] } });

    strategy.prepareForStatusUpdate?.(pod, podOf({}, { status: { qosClass: 'Burstable' } }), CONTEXT);

    expect(pod.status).toEqual({
      podIP: '10.0.0.1',
      podIPs: [{ ip: '10.0.0.1' }],
      hostIP: '1.2.3.4',
      hostIPs: [{ ip: '1.2.3.4' }],
      qosClass: 'Burstable',
    });
  });

  it('keeps the quality of service', () => {
    const errors = strategy.validateStatusUpdate?.(
      podOf({}, { status: { qosClass: 'Guaranteed' } }),
      podOf({}, { status: { qosClass: 'Burstable' } }),
      CONTEXT,
    );

    expect(texts(errors)).toEqual(['status.qosClass: Invalid value: "Guaranteed": field is immutable']);
  });

  it('does not revive what ended for good', () => {
    const ended = podOf(
      { restartPolicy: 'Never' },
      { status: { containerStatuses: [{ name: 'a', state: { terminated: { exitCode: 1 } } }] } },
    );
    const running = podOf({ restartPolicy: 'Never' }, { status: { containerStatuses: [{ name: 'a', state: { running: {} } }] } });

    expect(texts(strategy.validateStatusUpdate?.(running, ended, CONTEXT))).toEqual([
      'status.containerStatuses[0].state: Forbidden: may not be transitioned to non-terminated state',
    ]);
  });

  const rule = (action: string) => [{ action, exitCodes: { operator: 'In', values: [7] } }];
  it.each<{ title: string; containers: PodSpec['containers'] }>([
    { title: 'its own policy', containers: [{ name: 'a', restartPolicy: 'OnFailure' }] },
    { title: 'its own rule', containers: [{ name: 'a', restartPolicyRules: rule('Restart') }] },
    {
      title: 'another one, with all others',
      containers: [{ name: 'a' }, { name: 'b', restartPolicyRules: rule('RestartAllContainers') }],
    },
  ])('revives a container that is restarted by $title', ({ containers }) => {
    const spec = { restartPolicy: 'Never', containers };
    const ended = podOf(spec, { status: { containerStatuses: [{ name: 'a', state: { terminated: { exitCode: 7 } } }] } });
    const running = podOf(spec, { status: { containerStatuses: [{ name: 'a', state: { running: {} } }] } });

    expect(texts(strategy.validateStatusUpdate?.(running, ended, CONTEXT))).toEqual([]);
  });
});

describe('the grace of a deletion', () => {
  it.each([
    { title: 'is none for a pod without a node', spec: {}, asked: undefined, want: 0 },
    { title: 'is none for a pod that ended', spec: { nodeName: 'n' }, status: { phase: 'Succeeded' }, asked: 60, want: 0 },
    { title: 'is that of the pod', spec: { nodeName: 'n', terminationGracePeriodSeconds: 12 }, asked: undefined, want: 12 },
    { title: 'is that of the request', spec: { nodeName: 'n' }, asked: 5, want: 5 },
    { title: 'is none if the request says so', spec: { nodeName: 'n' }, asked: 0, want: 0 },
    {
      title: 'is at least a second otherwise',
      spec: { nodeName: 'n', terminationGracePeriodSeconds: -1 },
      asked: undefined,
      want: 1,
    },
    {
      title: 'can be shortened',
      spec: { nodeName: 'n' },
      metadata: { deletionTimestamp: 'x', deletionGracePeriodSeconds: 30 },
      asked: 5,
      want: 5,
    },
    {
      title: 'cannot be lengthened',
      spec: { nodeName: 'n' },
      metadata: { deletionTimestamp: 'x', deletionGracePeriodSeconds: 30 },
      asked: 60,
      want: 30,
    },
  ])('$title', ({ spec, asked, want, ...rest }) => {
    const pod = defaulted('', podOf(spec, rest));

    expect(strategyOf('', 'Pod').gracePeriodSeconds?.(pod, asked)).toBe(want);
  });
});

it.each([
  ['spec.nodeName', 'n'],
  ['spec.hostNetwork', 'false'],
  ['spec.restartPolicy', 'Always'],
  ['spec.schedulerName', 'default-scheduler'],
  ['spec.serviceAccountName', ''],
  ['status.phase', 'Running'],
  ['status.podIPs', '10.0.0.1,fd00::1'],
])('is found by %s=%s', (field, want) => {
  const pod = defaulted(
    '',
    podOf({ nodeName: 'n' }, { status: { phase: 'Running', podIPs: [{ ip: '10.0.0.1' }, { ip: 'fd00::1' }] } }),
  );

  expect(strategyOf('', 'Pod').fieldValues?.[field]?.(pod)).toBe(want);
});

describe('ephemeral containers', () => {
  const old = defaulted('', podOf({ ephemeralContainers: [{ name: 'debug', image: 'b' }] }));

  it('are all that the subresource takes', () => {
    const pod = podOf({
      nodeName: 'other',
      ephemeralContainers: [
        { name: 'debug', image: 'b' },
        { name: 'more', image: 'c' },
      ],
    });

    preparePodEphemeralContainers(pod, old);

    expect(pod.spec?.nodeName).toBeUndefined();
    expect(pod.spec?.ephemeralContainers?.map(({ name }) => name)).toEqual(['debug', 'more']);
    expect(texts(validatePodEphemeralContainers(pod, old))).toEqual([]);
  });

  it('stay', () => {
    const pod = podOf();

    preparePodEphemeralContainers(pod, old);

    expect(texts(validatePodEphemeralContainers(pod, old))).toEqual([
      'spec.ephemeralContainers: Forbidden: existing ephemeral containers "debug" may not be removed\n',
    ]);
  });
});

it('resizes without changing the quality of service', () => {
  const old = defaulted('', podOf({ containers: [{ name: 'a', image: 'b', resources: { requests: { cpu: '1' } } }] }));
  const more = podOf({ containers: [{ name: 'a', image: 'other', resources: { requests: { cpu: '2' } } }] });
  const none = podOf({ containers: [{ name: 'a', image: 'b', resources: {} }] });

  preparePodResize(more, old);
  preparePodResize(none, old);

  expect(more.spec?.containers[0]).toMatchObject({ image: 'b', resources: { requests: { cpu: '2' } } });
  expect(texts(validatePodResize(more, old))).toEqual([]);
  expect(texts(validatePodResize(none, old))).toEqual([
    'spec: Invalid value: "BestEffort": Pod QOS Class may not change as a result of resizing',
  ]);
});
