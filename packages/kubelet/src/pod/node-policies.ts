import type { Pod } from '@keelson/api/core/v1';
import type { Rejection } from './admission.ts';
import { allContainers } from './pod-facts.ts';

export interface NodePolicies {
  /** Names of sysctls beyond the safe ones, and `prefix.*`. */
  readonly allowedUnsafeSysctls: readonly string[];
  /** Whether the runtime can leave out the groups that the image gives to a user. */
  readonly strictGroups: boolean;
  /** Whether containers can be confined by AppArmor profiles; `undefined` if the runtime never does it. */
  readonly appArmor: boolean | undefined;
}

/** Settings that are a pod's own, and cannot hurt others: those with the namespace that they are in. */
const SAFE: Readonly<Record<string, 'net' | 'ipc'>> = {
  'kernel.shm_rmid_forced': 'ipc',
  'net.ipv4.ip_local_port_range': 'net',
  'net.ipv4.tcp_syncookies': 'net',
  'net.ipv4.ping_group_range': 'net',
  'net.ipv4.ip_unprivileged_port_start': 'net',
  'net.ipv4.ip_local_reserved_ports': 'net',
  'net.ipv4.tcp_keepalive_time': 'net',
  'net.ipv4.tcp_fin_timeout': 'net',
  'net.ipv4.tcp_keepalive_intvl': 'net',
  'net.ipv4.tcp_keepalive_probes': 'net',
  'net.ipv4.tcp_rmem': 'net',
  'net.ipv4.tcp_wmem': 'net',
};

/** Pure: why a node won't run a pod as it wants to be run, if so. */
export function refusedByPolicy(pod: Pod, policies: NodePolicies): Rejection | undefined {
  const { allowedUnsafeSysctls, appArmor, strictGroups } = policies;
  const why = forbiddenSysctl(pod, allowedUnsafeSysctls);
  if (why !== undefined) return { reason: 'SysctlForbidden', message: `forbidden sysctl: ${why}` };
  if (pod.spec?.securityContext?.supplementalGroupsPolicy === 'Strict' && !strictGroups) {
    return {
      reason: 'SupplementalGroupsPolicyNotSupported',
      message: 'SupplementalGroupsPolicy=Strict is not supported in this node',
    };
  }
  if (!appArmor && wantsAppArmor(pod)) {
    const lacking =
      appArmor === false ? 'AppArmor is not enabled on the host' : 'the container runtime applies no AppArmor profiles';
    return { reason: 'AppArmor', message: `Cannot enforce AppArmor: ${lacking}` };
  }
  return undefined;
}

function wantsAppArmor({ spec }: Pod): boolean {
  const profiles = [spec, ...allContainers(spec ?? { containers: [] })].map((part) => part?.securityContext?.appArmorProfile);
  return profiles.some((profile) => profile !== undefined && profile.type !== 'Unconfined');
}

function forbiddenSysctl({ spec }: Pod, allowed: readonly string[]): string | undefined {
  for (const { name: given } of spec?.securityContext?.sysctls ?? []) {
    const name = given.replaceAll('/', '.');
    const isAllowed =
      name in SAFE || allowed.some((each) => each === name || (each.endsWith('*') && name.startsWith(each.slice(0, -1))));
    if (!isAllowed) return `"${given}" not allowlisted`;
    const space = SAFE[name] ?? (name.startsWith('net.') ? 'net' : 'ipc');
    if (space === 'net' && spec?.hostNetwork) return `"${given}" not allowed with host net enabled`;
    if (space === 'ipc' && spec?.hostIPC) return `"${given}" not allowed with host ipc enabled`;
  }
  return undefined;
}
