import type { UserInfo } from '@keelson/api-server';
import { accountUser, CONTROLLER_MANAGER, controllerUser as builtinUser } from '@keelson/controllers';

/** Who the parts of the cluster are to the API server, which they reach in this process. What they may do is said by RBAC. */
function component(name: string, ...groups: string[]): UserInfo {
  return { name, groups: [...groups, 'system:authenticated'] };
}

export const BOOTSTRAP = component('system:apiserver', 'system:masters');
export const INFORMER: UserInfo = CONTROLLER_MANAGER;
export const SCHEDULER = component('system:kube-scheduler');
export const PROXY = component('system:kube-proxy');

/**
 * Each controller acts as a service account of its own. What an embedder adds under another name has no role in a new cluster, and is trusted
 * as the process is.
 */
export function controllerUser(name: string): UserInfo {
  const embedded = accountUser(name);
  return builtinUser(name) ?? { ...embedded, groups: [...embedded.groups, 'system:masters'] };
}

/** A part of the cluster that is no controller of Kubernetes' own; what it may do is in `addonRoles`. */
export function addonUser(name: string): UserInfo {
  return accountUser(name);
}

/** A kubelet, judged by the Node authorizer. */
export function nodeUser(nodeName: string): UserInfo {
  return component(`system:node:${nodeName}`, 'system:nodes');
}
