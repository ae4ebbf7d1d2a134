import type { UserInfo } from '../registry/strategy.ts';

const PREFIX = 'system:';

/** Kubernetes' own programs, by the users that they act as; `system:kube-scheduler` and such are called like their users. */
const AGENTS: readonly (readonly [prefix: string, agent: string])[] = [
  ['system:apiserver', 'kube-apiserver'],
  ['system:node:', 'kubelet'],
  ['system:serviceaccount:kube-system:', 'kube-controller-manager'],
];

/** What a caller in this process is called where others send a `User-Agent`: in `metadata.managedFields`, say. */
export function agentOf({ name }: UserInfo): string {
  const known = AGENTS.find(([prefix]) => name.startsWith(prefix));
  if (known) return known[1];
  return name.startsWith(`${PREFIX}kube-`) ? name.slice(PREFIX.length) : 'keelson';
}
