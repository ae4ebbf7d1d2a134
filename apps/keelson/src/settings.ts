import { KeelsonError } from '@keelson/base';
import type { Reachable } from './cluster/component-context.ts';
import type { ClusterOptions, ClusterSettings } from './options.ts';

export const LOOPBACK_ADDRESS = '127.0.0.1';

/** Finds out what the machine can do. Rejects with what to do about it if it cannot do what was asked. */
export async function settle(
  options: ClusterOptions,
): Promise<{ readonly settings: ClusterSettings; readonly reachable: Reachable }> {
  const runtime = options.runtime === 'auto' ? 'sim' : options.runtime;
  if (options.nodes > 1 && runtime !== 'sim') {
    throw new KeelsonError('BadRequest', `Only simulated nodes can be ${options.nodes} on one machine: add --runtime sim`);
  }
  const proxyMode = options.proxyMode === 'auto' ? 'none' : options.proxyMode;
  return { settings: { ...options, runtime, proxyMode }, reachable: { nodeAddress: LOOPBACK_ADDRESS } };
}
