import type { RuntimeInfo } from '@keelson/runtime';

/** Why pods cannot get a network now, in the kubelet's words; `undefined` if they can. */
export function networkFailure({ network }: RuntimeInfo): string | undefined {
  if (network?.ready !== false) return undefined;
  const { reason, message } = network;
  return `container runtime network not ready: NetworkReady=false reason:${reason} message:Network plugin returns error: ${message}`;
}
