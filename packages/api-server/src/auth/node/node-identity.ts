import type { UserInfo } from '../../registry/strategy.ts';

const PREFIX = 'system:node:';
const GROUP = 'system:nodes';

/** Hot path: the name of the node whose kubelet a user is, maybe empty; `undefined` for everybody else. */
export function nodeOf({ name, groups }: UserInfo): string | undefined {
  return name.startsWith(PREFIX) && groups.includes(GROUP) ? name.slice(PREFIX.length) : undefined;
}
