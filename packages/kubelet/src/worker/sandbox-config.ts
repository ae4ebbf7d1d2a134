import type { Pod } from '@keelson/api/core/v1';
import { KeelsonError } from '@keelson/base';
import type { PortMapping, SandboxConfig } from '@keelson/runtime';
import { allContainers, LABELS } from '../pod/pod-facts.ts';
import { cgroupParent, podResources } from '../pod/resources.ts';
import { podDns, type DnsContext } from './pod-dns.ts';

export interface SandboxContext extends DnsContext {
  readonly nodeName: string;
}

const MAX_HOSTNAME = 63;
/** Of the kernel. */
const MAX_FQDN = 64;

/** Pure: the sandbox that a pod asks for. Throws if its full name is too long for a host name. */
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
    portMappings: portMappings(pod),
    sysctls: Object.fromEntries((spec.securityContext?.sysctls ?? []).map((sysctl) => [sysctl.name, sysctl.value])),
    cgroupParent: cgroupParent(pod),
    resources: podResources(pod),
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
  const { hostNetwork, hostnameOverride, setHostnameAsFQDN } = pod.spec ?? {};
  const short = podHostname(pod);
  if (hostnameOverride !== undefined) return short;
  if (hostNetwork) return nodeName;
  const domain = podDomain(pod, clusterDomain);
  if (!setHostnameAsFQDN || domain === undefined) return short;
  const name = `${short}.${domain}`;
  if (name.length <= MAX_FQDN) return name;
  const limits = `(${MAX_FQDN} characters is the max, ${name.length} characters requested)`;
  throw new KeelsonError(
    'BadRequest',
    `Failed to construct FQDN from pod hostname and cluster domain, FQDN ${name} is too long ${limits}`,
  );
}

/** What a pod is called, without its domain. */
export function podHostname({ metadata, spec }: Pod): string {
  if (spec?.hostnameOverride !== undefined) return spec.hostnameOverride;
  return (spec?.hostname ?? metadata?.name ?? '').slice(0, MAX_HOSTNAME).replace(/[-.]+$/, '');
}

/** Where a pod with a subdomain is found. */
export function podDomain({ metadata, spec }: Pod, clusterDomain: string): string | undefined {
  if (!spec?.subdomain || spec.hostnameOverride !== undefined) return undefined;
  return `${spec.subdomain}.${metadata?.namespace}.svc.${clusterDomain}`;
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
