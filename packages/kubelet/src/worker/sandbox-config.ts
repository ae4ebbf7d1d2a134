import type { Pod } from '@keelson/api/core/v1';
import type { PortMapping, SandboxConfig } from '@keelson/runtime';
import { allContainers, LABELS } from '../pod/pod-facts.ts';
import { cgroupParent } from '../pod/resources.ts';

export interface SandboxContext {
  readonly nodeName: string;
  readonly clusterDns: readonly string[];
  readonly clusterDomain: string;
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
    dns: dnsOf(pod, context),
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

/** Empty servers mean: what the node itself uses. */
function dnsOf(pod: Pod, { clusterDns, clusterDomain }: SandboxContext): SandboxConfig['dns'] {
  const { dnsPolicy = 'ClusterFirst', dnsConfig, hostNetwork } = pod.spec ?? {};
  const namespace = pod.metadata?.namespace ?? '';
  const isCluster = dnsPolicy === 'ClusterFirstWithHostNet' || (dnsPolicy === 'ClusterFirst' && !hostNetwork);
  const useCluster = isCluster && clusterDns.length > 0;
  const searches = [`${namespace}.svc.${clusterDomain}`, `svc.${clusterDomain}`, clusterDomain];
  const options = (dnsConfig?.options ?? []).map(({ name = '', value }) => (value === undefined ? name : `${name}:${value}`));
  const hasNdots = options.some((option) => option.startsWith('ndots:'));
  return {
    servers: unique([...(useCluster ? clusterDns : []), ...(dnsConfig?.nameservers ?? [])]).slice(0, 3),
    searches: unique([...(useCluster ? searches : []), ...(dnsConfig?.searches ?? [])]).slice(0, 32),
    options: useCluster && !hasNdots ? ['ndots:5', ...options] : options,
  };
}

function unique(items: readonly string[]): string[] {
  return [...new Set(items)];
}
