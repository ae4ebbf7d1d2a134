import { findCondition, formatTime, parseTime } from '@keelson/api';
import type { Lease } from '@keelson/api/coordination/v1';
import type { Node, NodeCondition } from '@keelson/api/core/v1';

/** What is remembered of a node between two looks at it. */
export interface NodeHealth {
  readonly ready: NodeCondition | undefined;
  readonly renewTime: string | undefined;
  /** When it last showed a sign of life, by our clock: clocks of nodes may be wrong. */
  readonly aliveMs: number;
}

export interface Grace {
  readonly gracePeriodMs: number;
  readonly startupGracePeriodMs: number;
}

/** What is unknown about a node that is silent. Whether it has a network is said by others. */
const OWN_CONDITIONS = ['Ready', 'MemoryPressure', 'DiskPressure', 'PIDPressure'];

/** What one look at a node, with its lease, adds to what is known of it. A sign of life is a new heartbeat or a renewed lease. */
export function nextHealth(node: Node, lease: Lease | undefined, known: NodeHealth | undefined, nowMs: number): NodeHealth {
  const ready = findCondition(node.status?.conditions, 'Ready');
  const renewTime = lease?.spec?.renewTime;
  const isRenewed = renewTime !== undefined && isLater(renewTime, known?.renewTime);
  return {
    ready,
    renewTime: isRenewed ? renewTime : known?.renewTime,
    aliveMs: isRenewed || hasHeartbeat(ready, known) ? nowMs : (known?.aliveMs ?? bornMs(node, nowMs)),
  };
}

function hasHeartbeat(ready: NodeCondition | undefined, known: NodeHealth | undefined): boolean {
  // The first look at a node with a state: nobody knows how old that is.
  if (ready && !known?.ready) return true;
  if (known?.ready && !ready) return true;
  return ready?.lastHeartbeatTime !== known?.ready?.lastHeartbeatTime;
}

function bornMs({ metadata }: Node, nowMs: number): number {
  return parseTime(metadata?.creationTimestamp) ?? nowMs;
}

function isLater(time: string, than: string | undefined): boolean {
  return than === undefined || (parseTime(time) ?? 0) > (parseTime(than) ?? 0);
}

/** The conditions of a node that has been silent for too long; `undefined` if it has not, or if they are so already. */
export function unknownConditions(
  node: Node,
  { ready, aliveMs }: NodeHealth,
  { gracePeriodMs, startupGracePeriodMs, nowMs }: Grace & { readonly nowMs: number },
): readonly NodeCondition[] | undefined {
  if (nowMs <= aliveMs + (ready ? gracePeriodMs : startupGracePeriodMs)) return undefined;
  const lastTransitionTime = formatTime(nowMs);
  const conditions = [...(node.status?.conditions ?? [])];
  let hasChanged = false;
  for (const type of OWN_CONDITIONS) {
    const at = conditions.findIndex((condition) => condition.type === type);
    const known = conditions[at];
    if (known?.status === 'Unknown') continue;
    hasChanged = true;
    if (known) conditions[at] = { ...known, ...STOPPED, lastTransitionTime };
    else conditions.push({ type, ...NEVER, lastHeartbeatTime: node.metadata?.creationTimestamp, lastTransitionTime });
  }
  return hasChanged ? conditions : undefined;
}

const STOPPED = { status: 'Unknown', reason: 'NodeStatusUnknown', message: 'Kubelet stopped posting node status.' } as const;
const NEVER = { status: 'Unknown', reason: 'NodeStatusNeverUpdated', message: 'Kubelet never posted node status.' } as const;
