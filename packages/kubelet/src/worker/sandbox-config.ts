import type { Pod } from '@keelson/api/core/v1';
import type { PortMapping, SandboxConfig } from '@keelson/runtime';
import { allContainers, LABELS } from '../pod/pod-facts.ts';
import { cgroupParent } from '../pod/resources.ts';
import { podDns, type DnsContext } from './pod-dns.ts';

export interface SandboxContext extends DnsContext {
  readonly nodeName: string;
}

const MAX_HOSTNAME = 63;

/** Pure: the sandbox that a pod asks for. */
export function sandboxConfig(pod: Pod, attempt: number, context: SandboxContext): SandboxConfig {
  const spec = pod.spec ?? { containers: [] };
  const { uid = '', name = '', namespace = '' } = pod.metadata ?? {};
  return {
    pod: { uid, name, namespace },
    attempt,
    hostname: hostnameOf(pod, context),
    hostNetwork: spec.hostNetwork ?? false,
    hostPid: spec.hostPID ?? false,
    hostIpc: spec.hostIPC ?? false,
    shareProcessNamespace: spec.shareProcessNamespace ?? false,
    dns: podDns(pod, context),
    hostAliases: (spec.hostAliases ?? []).map(({ ip, hostnames = [] }) => ({ ip, hostnames })),
    portMappings: portMappings(pod),
    sysctls: Object.fromEntries((spec.securityContext?.sysctls ?? []).map((sysctl) => [sysctl.name, sysctl.value])),
    cgroupParent: cgroupParent(pod),
    labels: {
      ...pod.metadata?.labels,
      [LABELS.podName]: name,
      [LABELS.podNamespace]: namespace,
      [LABELS.podUid]: uid,
      [LABELS.node]: context.nodeName,
    },
    annotations: { ...pod.metadata?.annotations },
    runtimeHandler: '',
  };
}

function hostnameOf(pod: Pod, { clusterDomain, nodeName }: SandboxContext): string {
  const { hostNetwork, hostname, hostnameOverride, setHostnameAsFQDN, subdomain } = pod.spec ?? {};
  if (hostnameOverride !== undefined) return hostnameOverride;
  if (hostNetwork) return nodeName;
  const short = (hostname ?? pod.metadata?.name ?? '').slice(0, MAX_HOSTNAME).replace(/[-.]+$/, '');
  if (!setHostnameAsFQDN || !subdomain) return short;
  return `${short}.${subdomain}.${pod.metadata?.namespace}.svc.${clusterDomain}`;
}

function portMappings(pod: Pod): PortMapping[] {
  if (pod.spec?.hostNetwork) return [];
  return allContainers(pod.spec ?? { containers: [] }).flatMap(({ ports = [] }) =>
    ports.flatMap(({ containerPort, hostPort, hostIP, protocol = 'TCP' }) =>
      hostPort
        ? [{ containerPort, hostPort, protocol: protocol as PortMapping['protocol'], ...(hostIP && { hostIp: hostIP }) }]
        : [],
    ),
  );
}
