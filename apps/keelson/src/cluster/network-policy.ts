import { CLOCK, LOGGER, type Lifecycle } from '@keelson/base';
import { NETWORK_GUARD } from '@keelson/kubelet/module';
import { NetworkPolicyEnforcer } from '@keelson/network-policy';
import type { ComponentContext } from './component-context.ts';
import { nodeNameOf } from './node-name.ts';

/** Keeps the pods of this machine apart, as NetworkPolicies say. */
export function addNetworkPolicy(parts: Lifecycle, { container, settings, informers }: ComponentContext): void {
  if (settings.networkPolicy !== 'on') return;
  const deps = { informers, clock: container.get(CLOCK), logger: container.get(LOGGER) };
  const enforcer = new NetworkPolicyEnforcer(deps, { nodeName: nodeNameOf(1) });
  if (!container.isBound(NETWORK_GUARD)) container.bind(NETWORK_GUARD).toConstantValue(enforcer);
  parts.add(enforcer);
}
