import type { SandboxConfig } from '@keelson/runtime';
import type { ContainerSpec, HostConfig } from './engine/engine-types.ts';
import { PAUSE_IMAGE } from './pause/pause-image.ts';
import { sandboxLabels } from './record.ts';

/** What the kernel must do for a sandbox to be killed last. */
const SANDBOX_OOM_SCORE = -998;

export interface SandboxSpecInput {
  readonly config: SandboxConfig;
  /** What Docker is told of the network of pods that have their own. */
  readonly network: Pick<HostConfig, 'NetworkMode' | 'PortBindings'>;
  /** As the engine's cgroup driver wants it. */
  readonly cgroupParent: string;
  readonly lowersOomScore: boolean;
}

/** Pure: the container that holds a pod's namespaces. */
export function sandboxSpec({ config, network, cgroupParent, lowersOomScore }: SandboxSpecInput): ContainerSpec {
  const { hostNetwork, hostPid, hostIpc, runtimeHandler } = config;
  const { servers, searches, options } = config.dns;
  const host: HostConfig = {
    ...(hostNetwork ? { NetworkMode: 'host' } : network),
    IpcMode: hostIpc ? 'host' : 'shareable',
    CgroupParent: cgroupParent,
    Dns: servers,
    DnsSearch: searches,
    DnsOptions: options,
    Sysctls: config.sysctls,
    LogConfig: { Type: 'none', Config: {} },
    ReadonlyRootfs: true,
    SecurityOpt: ['no-new-privileges'],
    CapDrop: ['ALL'],
    RestartPolicy: { Name: 'no' },
    ...(hostNetwork && { UTSMode: 'host' }),
    ...(hostPid && { PidMode: 'host' }),
    ...(runtimeHandler !== '' && { Runtime: runtimeHandler }),
    ...(lowersOomScore && { OomScoreAdj: SANDBOX_OOM_SCORE }),
  };
  return {
    Image: PAUSE_IMAGE,
    Labels: sandboxLabels(config, cgroupParent),
    ExposedPorts: Object.fromEntries(Object.keys(host.PortBindings ?? {}).map((port) => [port, {}])),
    HostConfig: host,
    // With the host's network goes the host's name.
    ...(!hostNetwork && { Hostname: config.hostname }),
  };
}
