import { describe, expect, it } from 'vitest';
import type { Container, Pod, PodSpec } from './generated/core/v1.ts';
import {
  couldRestartAll,
  isContainerRestarted,
  isPodActive,
  isPodAvailable,
  isPodReady,
  podResourceLimits,
  podResourceRequests,
  qosClass,
  restartAction,
} from './index.ts';

function podOf(spec: Partial<PodSpec>, status: Pod['status'] = {}): Pod {
  return { metadata: { name: 'p' }, spec: { containers: [], ...spec }, status };
}

function asking(cpu: string, restartPolicy?: string): Container {
  return { name: 'c', resources: { requests: { cpu } }, restartPolicy };
}

function texts(amounts: ReadonlyMap<string, { toString(): string }>): Record<string, string> {
  return Object.fromEntries([...amounts].map(([name, amount]) => [name, amount.toString()]));
}

describe('podResourceRequests', () => {
  it.each([
    { title: 'adds containers up', spec: { containers: [asking('500m'), asking('1')] }, cpu: '1500m' },
    {
      title: 'takes the largest init container',
      spec: { containers: [asking('1')], initContainers: [asking('3'), asking('2')] },
      cpu: '3',
    },
    {
      title: 'adds sidecars',
      spec: { containers: [asking('1')], initContainers: [asking('1', 'Always'), asking('500m')] },
      cpu: '2',
    },
    {
      title: 'counts the sidecars that started before an init container',
      spec: {
        containers: [asking('1'), asking('1')],
        initContainers: [asking('1', 'Always'), asking('4'), asking('1', 'Always')],
      },
      cpu: '5',
    },
    { title: 'adds the overhead', spec: { containers: [asking('1')], overhead: { cpu: '250m' } }, cpu: '1250m' },
    {
      title: 'takes requests of the whole pod instead, and adds the overhead to them',
      spec: { containers: [asking('1')], resources: { requests: { cpu: '2' } }, overhead: { cpu: '250m' } },
      cpu: '2250m',
    },
  ])('$title', ({ spec, cpu }) => {
    expect(texts(podResourceRequests(podOf(spec)))).toEqual({ cpu });
  });

  it('adds overhead only to limits that there are', () => {
    const containers = [{ name: 'c', resources: { limits: { memory: '1Gi' } } }];

    expect(texts(podResourceLimits(podOf({ containers, overhead: { cpu: '1', memory: '1Gi' } })))).toEqual({ memory: '2Gi' });
  });
});

describe('qosClass', () => {
  const full = { cpu: '1', memory: '1Gi' };
  it.each([
    { title: 'nothing asked for', containers: [{ name: 'c' }], want: 'BestEffort' },
    { title: 'zero asked for', containers: [{ name: 'c', resources: { requests: { cpu: '0' } } }], want: 'BestEffort' },
    {
      title: 'other resources only',
      containers: [{ name: 'c', resources: { limits: { 'example.com/gpu': '1' } } }],
      want: 'BestEffort',
    },
    {
      title: 'requests equal limits',
      containers: [{ name: 'c', resources: { requests: { cpu: '1000m', memory: '1024Mi' }, limits: full } }],
      want: 'Guaranteed',
    },
    {
      title: 'one container without',
      containers: [{ name: 'c', resources: { requests: full, limits: full } }, { name: 'd' }],
      want: 'Burstable',
    },
    {
      title: 'requests below limits',
      containers: [{ name: 'c', resources: { requests: { cpu: '1', memory: '1Mi' }, limits: full } }],
      want: 'Burstable',
    },
    {
      title: 'no memory',
      containers: [{ name: 'c', resources: { requests: { cpu: '1' }, limits: { cpu: '1' } } }],
      want: 'Burstable',
    },
  ])('$title: $want', ({ containers, want }) => {
    expect(qosClass(podOf({ containers }))).toBe(want);
  });

  it('looks at init containers too', () => {
    const containers = [{ name: 'c', resources: { requests: full, limits: full } }];

    expect(qosClass(podOf({ containers, initContainers: [{ name: 'i' }] }))).toBe('Burstable');
  });

  it("prefers the whole pod's resources", () => {
    expect(qosClass(podOf({ containers: [{ name: 'c' }], resources: { requests: full, limits: full } }))).toBe('Guaranteed');
  });
});

describe('pod states', () => {
  const since = Date.UTC(2026, 0, 1);
  const ready = podOf({}, { conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: '2026-01-01T00:00:00Z' }] });

  it.each([
    [0, 0, true],
    [10, 9_999, false],
    [10, 10_000, true],
  ])('with minReadySeconds %d, ready since %d ms, is available: %s', (minReadySeconds, afterMs, expected) => {
    expect(isPodAvailable(ready, minReadySeconds, since + afterMs)).toBe(expected);
  });

  it('is not ready without the condition', () => {
    expect(isPodReady(podOf({}))).toBe(false);
    expect(isPodReady(ready)).toBe(true);
  });

  it.each([
    [podOf({}, { phase: 'Running' }), true],
    [podOf({}, { phase: 'Failed' }), false],
    [podOf({}, { phase: 'Succeeded' }), false],
    [{ ...ready, metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } }, false],
  ])('is active unless it ended or is being deleted (%#)', (pod, expected) => {
    expect(isPodActive(pod)).toBe(expected);
  });
});

describe('restart rules', () => {
  const rules = [
    { action: 'Restart', exitCodes: { operator: 'In', values: [3, 4] } },
    { action: 'RestartAllContainers', exitCodes: { operator: 'NotIn', values: [0, 1] } },
  ];
  const container = { name: 'a', restartPolicy: 'Never', restartPolicyRules: rules };

  it.each([
    { exitCode: 3, action: 'Restart' },
    { exitCode: 5, action: 'RestartAllContainers' },
    { exitCode: 1, action: undefined },
  ])('the first one for exit code $exitCode says $action', ({ exitCode, action }) => {
    expect(restartAction(container, exitCode)).toBe(action);
    expect(isContainerRestarted({ containers: [container], restartPolicy: 'Always' }, container, exitCode)).toBe(
      action !== undefined,
    );
  });

  it.each([
    { ofPod: 'Never', own: undefined, exitCode: 1, want: false },
    { ofPod: 'OnFailure', own: undefined, exitCode: 1, want: true },
    { ofPod: 'OnFailure', own: undefined, exitCode: 0, want: false },
    { ofPod: 'Never', own: 'Always', exitCode: 0, want: true },
    { ofPod: 'Always', own: 'OnFailure', exitCode: 0, want: false },
  ])('the policy of a container goes before that of its pod ($own, $ofPod, $exitCode)', ({ ofPod, own, exitCode, want }) => {
    const plain = { name: 'a', ...(own !== undefined && { restartPolicy: own }) };

    expect(isContainerRestarted({ containers: [plain], restartPolicy: ofPod }, plain, exitCode)).toBe(want);
  });

  it('may restart all by one of an init container', () => {
    const main = { name: 'b' };

    expect(couldRestartAll({ containers: [main], initContainers: [container] })).toBe(true);
    expect(couldRestartAll({ containers: [main] })).toBe(false);
  });
});
