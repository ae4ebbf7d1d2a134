import type { VolumeMount } from '@keelson/api/core/v1';
import type { ContainerStatus } from '@keelson/runtime';
import { expect, it } from 'vitest';
import { containerStatuses } from './container-statuses.ts';
import { emptyView } from './runtime-view.ts';

const POD = { uid: 'u', name: 'a', namespace: 'default' };
const RUNNING: ContainerStatus = {
  id: 'c1',
  sandboxId: 's1',
  pod: POD,
  name: 'web',
  attempt: 0,
  state: 'running',
  image: 'web:1',
  imageId: 'sha256:1',
  createdAtMs: 1,
  startedAtMs: 2,
  finishedAtMs: 0,
  exitCode: 0,
  reason: '',
  message: '',
  labels: {},
  annotations: {},
};

it.each<{ mount: Partial<VolumeMount>; readOnlyTrees: boolean; want: object }>([
  { mount: {}, readOnlyTrees: true, want: {} },
  { mount: { readOnly: true }, readOnlyTrees: true, want: { readOnly: true, recursiveReadOnly: 'Disabled' } },
  ...(['Enabled', 'IfPossible'] as const).map((recursiveReadOnly) => ({
    mount: { readOnly: true, recursiveReadOnly },
    readOnlyTrees: true,
    want: { readOnly: true, recursiveReadOnly: 'Enabled' },
  })),
  {
    mount: { readOnly: true, recursiveReadOnly: 'IfPossible' },
    readOnlyTrees: false,
    want: { readOnly: true, recursiveReadOnly: 'Disabled' },
  },
])('says how a mount $mount came out, if trees can be read only: $readOnlyTrees', ({ mount, readOnlyTrees, want }) => {
  const container = { name: 'web', volumeMounts: [{ name: 'v', mountPath: '/v', ...mount }] };

  const [status] = containerStatuses([container], 'main', {
    view: { ...emptyView(POD), containers: [RUNNING] },
    runtimeName: 'mem',
    old: [],
    waiting: new Map(),
    defaultReason: 'ContainerCreating',
    stopped: false,
    restartingAll: false,
    readOnlyTrees,
    actualResources: () => undefined,
    isStarted: () => true,
    isReady: () => true,
    terminationMessage: () => undefined,
  });

  expect(status?.volumeMounts).toEqual([{ name: 'v', mountPath: '/v', ...want }]);
});
