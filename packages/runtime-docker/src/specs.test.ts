import { describe, expect, it } from 'vitest';
import { containerSpec, type ContainerSpecInput } from './container-spec.ts';
import { engineAddress } from './engine/engine-address.ts';
import { EngineClient } from './engine/engine-client.ts';
import type { ContainerInspect } from './engine/engine-types.ts';
import { recordOf, sandboxName } from './record.ts';
import { EngineNetwork } from './sandbox-network.ts';
import { sandboxSpec } from './sandbox-spec.ts';
import { containerConfig, sandboxConfig } from './testing/pods.ts';

describe('sandboxSpec', () => {
  const spec = (more: Parameters<typeof sandboxConfig>[0], lowersOomScore = true) =>
    sandboxSpec({ config: sandboxConfig(more), network: { NetworkMode: 'pods' }, cgroupParent: '/k/pod', lowersOomScore });

  it('takes part in the node’s network, with its name, if the pod asks for it', () => {
    const { Hostname, ExposedPorts, HostConfig } = spec({ hostNetwork: true });

    expect(Hostname).toBeUndefined();
    expect(ExposedPorts).toEqual({});
    expect(HostConfig).toMatchObject({ NetworkMode: 'host', UTSMode: 'host' });
    expect(HostConfig.PortBindings).toBeUndefined();
  });

  it('opens one port of the pod at several of the node', () => {
    const portMappings = [
      { protocol: 'UDP' as const, containerPort: 53, hostPort: 53, hostIp: '10.0.0.1' },
      { protocol: 'UDP' as const, containerPort: 53, hostPort: 5353 },
    ];

    const bindings = [
      { HostIp: '10.0.0.1', HostPort: '53' },
      { HostIp: '', HostPort: '5353' },
    ];
    const network = new EngineNetwork(new EngineClient(engineAddress('unix:///nowhere')), 'pods');
    expect(network.settings(sandboxConfig({ portMappings }))).toEqual({
      NetworkMode: 'pods',
      PortBindings: { '53/udp': bindings },
    });
  });

  it.each([
    { lowers: true, want: -998 },
    { lowers: false, want: undefined },
  ])('is killed last where the engine may say so: $lowers', ({ lowers, want }) => {
    expect(spec({}, lowers).HostConfig.OomScoreAdj).toBe(want);
  });

  it('is named after its pod and attempt', () => {
    const pod = { uid: 'u', name: 'web', namespace: 'ns' };

    expect(sandboxName(sandboxConfig({ pod, attempt: 2 }))).toBe('k8s_POD_web_ns_u_2');
  });

  it('keeps whose it is in a label', () => {
    const labels = { app: 'web', 'io.kubernetes.pod.name': 'web' };

    const { Labels } = spec({ labels, annotations: { a: '"b"' } });

    expect(recordOf(Labels)).toMatchObject({ labels, annotations: { a: '"b"' } });
    expect(Labels).toMatchObject({ 'io.kubernetes.pod.name': 'web' });
    expect(Labels).not.toHaveProperty('app');
    expect(recordOf({ 'io.keelson.record': '{' })).toBeUndefined();
  });
});

describe('containerSpec', () => {
  const HostConfig = { NetworkMode: 'pods', PidMode: '', IpcMode: 'shareable', UTSMode: '', CgroupParent: '/k/pod' };
  const spec = (more: Partial<ContainerSpecInput> = {}, host: Partial<typeof HostConfig> = {}) =>
    containerSpec({
      pod: { uid: 'u', name: 'web', namespace: 'ns' },
      config: containerConfig('true'),
      sandbox: { Id: 'box', HostConfig: { ...HostConfig, ...host } } as ContainerInspect,
      record: { name: 'main', sandboxId: 'box', image: 'i', imageId: 'sha256:0' },
      sharesPids: false,
      logLimits: { maxFileBytes: 1000, maxFiles: 2 },
      imageVolumes: [],
      lowersOomScore: true,
      privileges: true,
      seccompProfile: undefined,
      ...more,
    });
  const secured = (security: Partial<ContainerSpecInput['config']['security']>, more: Partial<ContainerSpecInput> = {}) =>
    spec({ ...more, config: containerConfig('true', { security }) }).HostConfig;

  it('joins its sandbox', () => {
    expect(spec().HostConfig).toMatchObject({
      NetworkMode: 'container:box',
      IpcMode: 'container:box',
      CgroupParent: '/k/pod',
    });
    expect(spec().HostConfig.PidMode).toBeUndefined();
    expect(spec({ sharesPids: true }).HostConfig.PidMode).toBe('container:box');
    expect(spec({ config: { ...containerConfig('true'), targetContainerId: 'other' } }).HostConfig.PidMode).toBe(
      'container:other',
    );
    expect(spec({}, { PidMode: 'host', IpcMode: 'host' }).HostConfig).toMatchObject({ PidMode: 'host', IpcMode: 'host' });
  });

  it('keeps the image’s program if there is no command, and its arguments only with it', () => {
    const config = containerConfig('');

    expect(spec({ config: { ...config, command: [], args: [] } })).not.toHaveProperty('Cmd');
    expect(spec({ config: { ...config, command: [], args: ['x'] } })).toMatchObject({ Cmd: ['x'] });
    expect(spec({ config: { ...config, command: ['y'], args: [] } })).toMatchObject({ Entrypoint: ['y'] });
  });

  it('limits memory together with swap, and to no less than Docker takes', () => {
    const limited = (memoryLimitBytes: number) =>
      spec({ config: containerConfig('', { resources: { memoryLimitBytes } }) }).HostConfig;

    expect(limited(100_000_000)).toMatchObject({ Memory: 100_000_000, MemorySwap: 100_000_000 });
    expect(limited(1_000_000)).toMatchObject({ Memory: 6_291_456, MemorySwap: 6_291_456 });
    expect(limited(0)).not.toHaveProperty('Memory');
  });

  it.each([
    { profile: 'Unconfined', want: ['seccomp=unconfined'] },
    { profile: 'RuntimeDefault', want: [] },
  ])('takes the seccomp profile $profile', ({ profile, want }) => {
    expect(secured({ seccompProfile: profile }).SecurityOpt).toEqual(want);
  });

  it.each([
    { profile: undefined, want: [] },
    { profile: 'RuntimeDefault', want: [] },
    { profile: 'Unconfined', want: ['apparmor=unconfined'] },
    { profile: 'my-profile', want: ['apparmor=my-profile'] },
  ])('takes the AppArmor profile $profile', ({ profile, want }) => {
    const security = { seccompProfile: 'RuntimeDefault', ...(profile !== undefined && { appArmorProfile: profile }) };

    expect(secured(security).SecurityOpt).toEqual(want);
    expect(secured({ ...security, privileged: true }).SecurityOpt).toEqual(['seccomp=unconfined', ...want]);
  });

  it('takes a seccomp profile of its own', () => {
    expect(secured({ seccompProfile: '/p' }, { seccompProfile: '{}' }).SecurityOpt).toEqual(['seccomp={}']);
  });

  it.each([
    { privileges: true as const, want: { Privileged: true } },
    { privileges: ['CHOWN', 'SYS_ADMIN'], want: { CapAdd: ['CHOWN', 'SYS_ADMIN'], MaskedPaths: [], ReadonlyPaths: [] } },
  ])('is as privileged as can be: $privileges', ({ privileges, want }) => {
    expect(secured({ privileged: true }, { privileges })).toMatchObject(want);
  });

  it.each([
    { lowers: true, want: -997 },
    { lowers: false, want: 0 },
  ])('lowers the chance to be killed if it can: $lowers', ({ lowers, want }) => {
    const config = containerConfig('', { resources: { oomScoreAdj: -997 } });

    expect(spec({ config, lowersOomScore: lowers }).HostConfig.OomScoreAdj).toBe(want);
  });

  it.each([
    { propagation: undefined, want: '' },
    { propagation: 'private' as const, want: '' },
    { propagation: 'host-to-container' as const, want: 'rslave' },
    { propagation: 'bidirectional' as const, want: 'rshared' },
  ])('passes mounts on as "$want" if their propagation is $propagation', ({ propagation, want }) => {
    const mount = { hostPath: '/a', containerPath: '/b', readOnly: true, ...(propagation && { propagation }) };

    expect(spec({ config: containerConfig('', { mounts: [mount] }) }).HostConfig.Mounts).toEqual([
      { Type: 'bind', Source: '/a', Target: '/b', ReadOnly: true, BindOptions: { Propagation: want } },
    ]);
  });
});
