import type { UserInfo } from '@keelson/api-server';

/** Who the parts of the cluster are to the API server, which they reach in this process. */
function component(name: string, ...groups: string[]): UserInfo {
  return { name, groups: [...groups, 'system:masters', 'system:authenticated'] };
}

export const BOOTSTRAP = component('system:apiserver');
export const INFORMER = component('system:kube-controller-manager');
export const SCHEDULER = component('system:kube-scheduler');
export const PROXY = component('system:kube-proxy');

/** Each controller acts as a service account of its own, so that what it does can be told apart. */
export function controllerUser(name: string): UserInfo {
  return component(`system:serviceaccount:kube-system:${name}`, 'system:serviceaccounts', 'system:serviceaccounts:kube-system');
}

export function nodeUser(nodeName: string): UserInfo {
  return component(`system:node:${nodeName}`, 'system:nodes');
}
