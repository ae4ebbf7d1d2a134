import { describe, expect, it } from 'vitest';
import type { Container, Pod } from '@keelson/api/core/v1';
import type { ContainerStatus, SandboxStatus } from '@keelson/runtime';
import { computeActions, type ContainerVerdicts } from './compute-actions.ts';
import type { PodView } from './runtime-view.ts';

const POD = { uid: 'u', name: 'p', namespace: 'n' };
const CALM: ContainerVerdicts = { isStarted: () => true, killReason: () => undefined };

function sandbox(attempt = 0, state: 'ready' | 'not-ready' = 'ready'): SandboxStatus {
  return { id: `s${attempt}`, pod: POD, attempt, state, createdAtMs: attempt, ips: [], labels: {}, annotations: {} };
}

function container(name: string, state: ContainerStatus['state'], more: Partial<ContainerStatus> = {}): ContainerStatus {
  const times = { createdAtMs: 0, startedAtMs: 0, finishedAtMs: 0 };
  const base = { id: name, sandboxId: 's0', pod: POD, name, attempt: 0, image: '', imageId: '', labels: {}, annotations: {} };
  return { ...base, ...times, state, exitCode: 0, reason: '', message: '', ...more };
}

function pod(restartPolicy: string, init: Container[], main: Container[] = [{ name: 'a' }]): Pod {
  return { metadata: POD, spec: { restartPolicy, initContainers: init, containers: main } };
}

function view(containers: ContainerStatus[], sandboxes = [sandbox()]): PodView {
  return { ...POD, sandboxes, containers };
}

/** In short: `sandbox:0`, `start:a:1`, `kill:a`, `end`. */
function brief(wanted: Pod, seen: PodView, verdicts = CALM): string {
  const { createSandbox, kill, killPod, start } = computeActions(wanted, seen, verdicts);
  return [
    ...(createSandbox === undefined ? [] : [`sandbox:${createSandbox}`]),
    ...kill.map(({ name }) => `kill:${name}`),
    ...start.map(({ container: { name }, attempt }) => `start:${name}:${attempt}`),
    ...(killPod ? ['end'] : []),
  ].join(' ');
}

describe('computeActions', () => {
  const side: Container = { name: 'side', restartPolicy: 'Always' };

  it.each([
    { title: 'begins with a sandbox', pod: pod('Always', []), view: view([], []), want: 'sandbox:0 start:a:0' },
    {
      title: 'begins with the first init container only',
      pod: pod('Always', [{ name: 'i' }]),
      view: view([], []),
      want: 'sandbox:0 start:i:0',
    },
    {
      title: 'waits for an init container',
      pod: pod('Always', [{ name: 'i' }]),
      view: view([container('i', 'running')]),
      want: '',
    },
    {
      title: 'goes on after init',
      pod: pod('Always', [{ name: 'i' }]),
      view: view([container('i', 'exited')]),
      want: 'start:a:0',
    },
    {
      title: 'retries init',
      pod: pod('OnFailure', [{ name: 'i' }]),
      view: view([container('i', 'exited', { exitCode: 1 })]),
      want: 'start:i:1',
    },
    {
      title: 'gives up on init under Never',
      pod: pod('Never', [{ name: 'i' }]),
      view: view([container('i', 'exited', { exitCode: 1 })]),
      want: 'end',
    },
    {
      title: 'starts main containers once a sidecar is up',
      pod: pod('Always', [side]),
      view: view([container('side', 'running')]),
      want: 'start:a:0',
    },
    {
      title: 'restarts a sidecar under Never',
      pod: pod('Never', [side]),
      view: view([container('side', 'exited'), container('a', 'running')]),
      want: 'start:side:1',
    },
    {
      title: 'ends the pod when only sidecars run',
      pod: pod('Never', [side]),
      view: view([container('side', 'running'), container('a', 'exited')]),
      want: 'end',
    },
    { title: 'restarts under Always', pod: pod('Always', []), view: view([container('a', 'exited')]), want: 'start:a:1' },
    {
      title: 'restarts a failure under OnFailure',
      pod: pod('OnFailure', []),
      view: view([container('a', 'exited', { exitCode: 1 })]),
      want: 'start:a:1',
    },
    {
      title: 'ends under OnFailure after success',
      pod: pod('OnFailure', []),
      view: view([container('a', 'exited')]),
      want: 'end',
    },
    { title: 'leaves a running pod alone', pod: pod('Always', []), view: view([container('a', 'running')]), want: '' },
    {
      title: 'tries again what was created and never started',
      pod: pod('Never', []),
      view: view([container('a', 'created')]),
      want: 'start:a:0',
    },
    {
      title: 'kills what is in an unknown state first',
      pod: pod('Always', []),
      view: view([container('a', 'unknown')]),
      want: 'kill:a start:a:1',
    },
    {
      title: 'makes a new sandbox for the next attempt',
      pod: pod('Always', []),
      view: view([container('a', 'exited', { exitCode: 137 })], [sandbox(0, 'not-ready')]),
      want: 'sandbox:1 start:a:1',
    },
    {
      title: 'makes no new sandbox for a pod that is done',
      pod: pod('Never', []),
      view: view([container('a', 'exited')], [sandbox(0, 'not-ready')]),
      want: 'end',
    },
    {
      title: 'never restarts a terminal pod',
      pod: { ...pod('Always', []), status: { phase: 'Failed' } },
      view: view([]),
      want: 'end',
    },
  ])('$title', ({ pod: wanted, view: seen, want }) => {
    expect(brief(wanted, seen)).toBe(want);
  });

  it('waits for the startup of a sidecar', () => {
    expect(brief(pod('Always', [side]), view([container('side', 'running')]), { ...CALM, isStarted: () => false })).toBe('');
  });

  it('kills what fails its probe, with the grace of the probe', () => {
    const verdicts = { ...CALM, killReason: () => ({ message: 'sick', graceSeconds: 3 }) };

    const { kill, start } = computeActions(pod('Always', []), view([container('a', 'running')]), verdicts);

    expect(kill).toEqual([{ id: 'a', name: 'a', message: 'sick, will be restarted', graceSeconds: 3 }]);
    expect(start).toEqual([]);
  });

  it.each([
    { exitCode: 42, want: 'start:a:1' },
    { exitCode: 1, want: 'end' },
  ])('restarts a container after exit code $exitCode as its own rules say', ({ exitCode, want }) => {
    const rules = [{ action: 'Restart', exitCodes: { operator: 'In', values: [42] } }];
    const wanted: Pod = {
      spec: { restartPolicy: 'Never', containers: [{ name: 'a', restartPolicy: 'Never', restartPolicyRules: rules }] },
    };

    expect(brief(wanted, view([container('a', 'exited', { exitCode })]))).toBe(want);
  });

  it.each([
    { title: 'retries an init container by its rule', init: 7, sandboxes: [sandbox()], want: 'start:i:1' },
    { title: 'gives up on an init container without a rule for it', init: 8, sandboxes: [sandbox()], want: 'end' },
    {
      title: 'begins anew where the sandbox has gone too',
      init: 7,
      sandboxes: [sandbox(0, 'not-ready')],
      want: 'sandbox:1 start:i:1',
    },
  ])('under Never: $title', ({ init, sandboxes, want }) => {
    const rules = [{ action: 'Restart', exitCodes: { operator: 'In', values: [7] } }];
    const wanted = pod('Never', [{ name: 'i', restartPolicy: 'Never', restartPolicyRules: rules }]);

    expect(brief(wanted, view([container('i', 'exited', { exitCode: init })], sandboxes))).toBe(want);
  });

  it.each([
    { title: 'a main container', ended: container('a', 'exited', { exitCode: 88 }), want: true },
    { title: 'a sidecar', ended: container('side', 'exited', { exitCode: 88 }), want: true },
    { title: 'another code', ended: container('a', 'exited', { exitCode: 1 }), want: false },
    { title: 'an earlier rule for the same code', ended: container('a', 'exited', { exitCode: 5 }), want: false },
  ])('restarts all containers by the end of one: $title', ({ ended, want }) => {
    const restartPolicyRules = [
      { action: 'Restart', exitCodes: { operator: 'In', values: [5] } },
      { action: 'RestartAllContainers', exitCodes: { operator: 'In', values: [5, 88] } },
    ];
    const wanted = pod('Never', [{ ...side, restartPolicyRules }], [{ name: 'a', restartPolicyRules }, { name: 'b' }]);

    expect(computeActions(wanted, view([ended, container('b', 'running')]), CALM).restartAll).toBe(want);
  });

  it('never counts restarts down when the runtime has forgotten older attempts', () => {
    const status = { name: 'a', image: '', imageID: '', ready: false, restartCount: 4, state: { terminated: { exitCode: 1 } } };

    expect(brief({ ...pod('Always', []), status: { containerStatuses: [status] } }, view([]))).toBe('start:a:5');
  });
});
