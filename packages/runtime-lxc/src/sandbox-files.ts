import { readFile } from 'node:fs/promises';
import type { SandboxConfig } from '@keelson/runtime';

/** The pod's `/etc/resolv.conf`; the node's own where nothing is asked for. */
export async function resolvConf({ servers, searches, options }: SandboxConfig['dns']): Promise<string> {
  if (servers.length + searches.length + options.length === 0) return readFile('/etc/resolv.conf', 'utf8').catch(() => '');
  const lines = [
    ...(searches.length > 0 ? [`search ${searches.join(' ')}`] : []),
    ...servers.map((server) => `nameserver ${server}`),
    ...(options.length > 0 ? [`options ${options.join(' ')}`] : []),
  ];
  return `${lines.join('\n')}\n`;
}

const LOCAL_NAMES = [
  '127.0.0.1\tlocalhost',
  '::1\tlocalhost ip6-localhost ip6-loopback',
  'fe00::0\tip6-localnet',
  'fe00::0\tip6-mcastprefix',
  'fe00::1\tip6-allnodes',
  'fe00::2\tip6-allrouters',
];

/** The pod's `/etc/hosts`; on the host's network the node's own. */
export async function hostsFile(config: SandboxConfig, ips: readonly string[]): Promise<string> {
  const { hostNetwork, hostname } = config;
  const own = hostNetwork
    ? (await readFile('/etc/hosts', 'utf8').catch(() => '')).trimEnd().split('\n')
    : [...LOCAL_NAMES, ...ips.map((ip) => `${ip}\t${namesOf(hostname)}`)];
  const head = hostNetwork ? '# Kubernetes-managed hosts file (host network).' : '# Kubernetes-managed hosts file.';
  return `${[head, ...own].join('\n')}\n`;
}

/** A full name comes first, and the short one after it. */
function namesOf(hostname: string): string {
  const short = hostname.split('.')[0] ?? hostname;
  return short === hostname ? hostname : `${hostname}\t${short}`;
}
