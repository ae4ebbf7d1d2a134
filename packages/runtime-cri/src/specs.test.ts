import { describe, expect, it } from 'vitest';
import { signalNumber } from './api/signals.ts';
import { containerSpec, sandboxSpec, type NodeSettings } from './specs.ts';
import { annotationsOf, recordOf, withoutOwn } from './record.ts';
import { containerConfig, sandboxConfig } from './testing/pods.ts';

const node: NodeSettings = { cluster: 'one', cgroupRoot: 'k', cgroupDriver: 'cgroupfs', logRoot: '/logs' };

describe('sandboxSpec', () => {
  it('says what a pod shares with the host, and keeps its name from it', () => {
    const { hostname, linux } = sandboxSpec(sandboxConfig({ hostNetwork: true, hostPid: true, hostIpc: true }), node);

    expect(hostname).toBe('');
    expect(linux?.securityContext?.namespaceOptions).toEqual({ network: 2, pid: 2, ipc: 2 });
  });

  it('puts logs and cgroups where Kubernetes puts them', () => {
    const pod = { uid: 'u', name: 'web', namespace: 'shop' };
    const config = sandboxConfig({ pod, cgroupParent: 'kubepods/burstable/podu' });

    expect(sandboxSpec(config, node)).toMatchObject({
      logDirectory: '/logs/shop_web_u',
      linux: { cgroupParent: '/k/kubepods/burstable/podu' },
    });
    expect(sandboxSpec(config, { ...node, cgroupDriver: 'systemd' }).linux?.cgroupParent).toBe('k-kubepods-burstable-podu.slice');
  });

  it('can be read back from what the runtime keeps', () => {
    const { labels, annotations, ...record } = sandboxConfig({ labels: { app: 'web' }, annotations: { note: '"x"' } });

    const kept = sandboxSpec({ ...record, labels, annotations }, node);

    expect(recordOf(kept.annotations ?? {})).toEqual(record);
    expect(withoutOwn(kept.annotations ?? {})).toEqual(annotations);
    expect(withoutOwn(kept.labels ?? {})).toEqual(labels);
    expect(recordOf({ ...annotationsOf(record, {}), 'io.keelson.cri.record': '{' })).toBeUndefined();
  });
});

describe('containerSpec', () => {
  const spec = (...args: Parameters<typeof containerConfig>) =>
    containerSpec(containerConfig(...args), sandboxConfig({ shareProcessNamespace: true }), 's', node);

  it.each([
    { user: '', want: {} },
    { user: '7', want: { runAsUser: { value: 7 } } },
    { user: '7:8', want: { runAsUser: { value: 7 }, runAsGroup: { value: 8 } } },
    { user: 'web', want: { runAsUsername: 'web' } },
  ])('runs as "$user"', ({ user, want }) => {
    const { runAsUser, runAsGroup, runAsUsername } = { ...spec('', { security: { user } }).linux?.securityContext } as Record<
      string,
      unknown
    >;

    expect({
      ...(runAsUser !== undefined && { runAsUser }),
      ...(runAsGroup !== undefined && { runAsGroup }),
      ...(runAsUsername !== undefined && { runAsUsername }),
    }).toEqual(want);
  });

  it.each([
    { profile: 'RuntimeDefault', want: { profileType: 0 } },
    { profile: 'Unconfined', want: { profileType: 1 } },
    { profile: '', want: { profileType: 1 } },
    { profile: '/p.json', want: { profileType: 2, localhostRef: '/p.json' } },
  ])('filters system calls by "$profile"', ({ profile, want }) => {
    expect(spec('', { security: { seccompProfile: profile } }).linux?.securityContext?.seccomp).toEqual(want);
  });

  it.each([
    { profile: 'RuntimeDefault', want: { profileType: 0 } },
    { profile: 'Unconfined', want: { profileType: 1 } },
    { profile: 'my-profile', want: { profileType: 2, localhostRef: 'my-profile' } },
  ])('confines by the AppArmor profile "$profile"', ({ profile, want }) => {
    expect(spec('', { security: { appArmorProfile: profile } }).linux?.securityContext?.apparmor).toEqual(want);
    expect(spec('').linux?.securityContext?.apparmor).toBeUndefined();
  });

  it('hides from containers what Kubernetes hides, unless they are privileged', () => {
    expect(spec('').linux?.securityContext?.maskedPaths).toContain('/proc/kcore');
    expect(spec('', { security: { privileged: true } }).linux?.securityContext).toMatchObject({
      maskedPaths: [],
      readonlyPaths: [],
    });
  });

  it('shares processes with the pod, or with one container', () => {
    expect(spec('').linux?.securityContext?.namespaceOptions).toMatchObject({ pid: 0 });
    expect(spec('', { targetContainerId: 'c' }).linux?.securityContext?.namespaceOptions).toMatchObject({
      pid: 3,
      targetId: 'c',
    });
  });
});

describe('signalNumber', () => {
  it.each([
    { name: undefined, number: 0 },
    { name: 'SIGTERM', number: 23 },
    { name: 'QUIT', number: 18 },
    { name: 'SIGRTMIN+3', number: 38 },
    { name: 'SIGRTMAX', number: 65 },
    { name: 'SIGNONE', number: 0 },
  ])('$name is $number', ({ name, number }) => {
    expect(signalNumber(name)).toBe(number);
  });
});
