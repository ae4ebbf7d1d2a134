import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Pod } from '@keelson/api/core/v1';
import type { Mount } from '@keelson/runtime';
import { podDomain, podHostname } from './sandbox-config.ts';

const HOSTS = '/etc/hosts';
const HEADER = '# Kubernetes-managed hosts file.\n';
const HOST_HEADER = '# Kubernetes-managed hosts file (host network).\n';
const LOOPBACK = `127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
fe00::0\tip6-localnet
fe00::0\tip6-mcastprefix
fe00::1\tip6-allnodes
fe00::2\tip6-allrouters
`;

export interface PodHostsInput {
  readonly pod: Pod;
  readonly podIps: readonly string[];
  readonly clusterDomain: string;
  /** What the node has in its own file. */
  readonly ofNode: string;
}

/** Pure: a pod's `/etc/hosts`. */
export function podHosts({ pod, podIps, clusterDomain, ofNode }: PodHostsInput): string {
  const { hostAliases = [], hostNetwork } = pod.spec ?? {};
  const name = podHostname(pod);
  const domain = podDomain(pod, clusterDomain);
  const own = podIps.map((ip) => `${ip}\t${domain === undefined ? name : `${name}.${domain}\t${name}`}\n`);
  const head = hostNetwork ? HOST_HEADER + ofNode : HEADER + LOOPBACK + own.join('');
  if (hostAliases.length === 0) return head;
  const aliases = hostAliases.map(({ ip, hostnames = [] }) => `${[ip, ...hostnames].join('\t')}\n`);
  return `${head}\n# Entries added by HostAliases.\n${aliases.join('')}`;
}

/**
 * Writes the file that all containers of a pod share as `/etc/hosts`, and says how it is mounted. Nothing for a container that mounts one of
 * its own, and while the pod has no address.
 */
export async function mountHosts(
  directory: string,
  input: Omit<PodHostsInput, 'ofNode'>,
  mounts: readonly Mount[],
): Promise<readonly Mount[]> {
  const isOwn = mounts.some(({ containerPath }) => containerPath === HOSTS);
  if (isOwn || (input.podIps.length === 0 && !input.pod.spec?.hostNetwork)) return [];
  const ofNode = input.pod.spec?.hostNetwork ? await readFile(HOSTS, 'utf8').catch(() => '') : '';
  const path = join(directory, 'etc-hosts');
  await writeFile(path, podHosts({ ...input, ofNode }));
  return [{ hostPath: path, containerPath: HOSTS, readOnly: false }];
}
