import type { SandboxConfig } from '@keelson/runtime';
import type { ContainerSpec, HostConfig } from './engine/engine-types.ts';
import { PAUSE_IMAGE } from './pause/pause-image.ts';
import { sandboxLabels } from './record.ts';

/** What the kernel must do for a sandbox to be killed last. */
const SANDBOX_OOM_SCORE = -998;

export interface SandboxSpecInput {
  readonly config: SandboxConfig;
  /** Docker's network for pods that have their own. */
  readonly network: string;
  /** As the engine's cgroup driver wants it. */
  readonly cgroupParent: string;
  readonly lowersOomScore: boolean;
}

/** Pure: the container that holds a pod's namespaces. */
export function sandboxSpec({ config, network, cgroupParent, lowersOomScore }: SandboxSpecInput): ContainerSpec {
  const { hostNetwork, hostPid, hostIpc, runtimeHandler } = config;
  const { servers, searches, options } = config.dns;
  const ports = hostNetwork ? [] : config.portMappings;
  const host: HostConfig = {
    NetworkMode: hostNetwork ? 'host' : network,
    IpcMode: hostIpc ? 'host' : 'shareable',
    CgroupParent: cgroupParent,
    Dns: servers,
    DnsSearch: searches,
    DnsOptions: options,
    ExtraHosts: config.hostAliases.flatMap(({ ip, hostnames }) => hostnames.map((name) => `${name}:${ip}`)),
    Sysctls: config.sysctls,
    LogConfig: { Type: 'none', Config: {} },
    ReadonlyRootfs: true,
    SecurityOpt: ['no-new-privileges'],
    CapDrop: ['ALL'],
    RestartPolicy: { Name: 'no' },
    ...(hostNetwork && { UTSMode: 'host' }),
    ...(hostPid && { PidMode: 'host' }),
    ...(ports.length > 0 && { PortBindings: portBindings(config) }),
    ...(runtimeHandler !== '' && { Runtime: runtimeHandler }),
    ...(lowersOomScore && { OomScoreAdj: SANDBOX_OOM_SCORE }),
  };
  return {
    Image: PAUSE_IMAGE,
    Labels: sandboxLabels(config, cgroupParent),
    ExposedPorts: Object.fromEntries(ports.map((port) => [portKey(port), {}])),
    HostConfig: host,
    // With the host's network goes the host's name.
    ...(!hostNetwork && { Hostname: config.hostname }),
  };
}

function portBindings({ portMappings }: SandboxConfig): NonNullable<HostConfig['PortBindings']> {
  const bindings: Record<string, { HostIp: string; HostPort: string }[]> = {};
  for (const port of portMappings) {
    (bindings[portKey(port)] ??= []).push({ HostIp: port.hostIp ?? '', HostPort: String(port.hostPort) });
  }
  return bindings;
}

function portKey({ containerPort, protocol }: SandboxConfig['portMappings'][number]): string {
  return `${containerPort}/${protocol.toLowerCase()}`;
}
