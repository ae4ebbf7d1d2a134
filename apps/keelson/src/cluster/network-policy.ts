import { CLOCK, LOGGER, type Lifecycle } from '@keelson/base';
import { NETWORK_GUARD } from '@keelson/kubelet/module';
import { NetworkPolicyEnforcer } from '@keelson/network-policy';
import type { MachineContext } from './component-context.ts';

/** Keeps the pods of this machine apart, as NetworkPolicies say. */
export function addNetworkPolicy(parts: Lifecycle, { container, settings, informers, nodes }: MachineContext): void {
  const [node] = nodes;
  if (settings.networkPolicy !== 'on' || !node) return;
  const deps = { informers, clock: container.get(CLOCK), logger: container.get(LOGGER) };
  const enforcer = new NetworkPolicyEnforcer(deps, { nodeName: node.name });
  if (!container.isBound(NETWORK_GUARD)) container.bind(NETWORK_GUARD).toConstantValue(enforcer);
  parts.add(enforcer);
}
