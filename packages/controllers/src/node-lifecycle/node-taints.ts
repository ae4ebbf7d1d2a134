import { findCondition, formatTime, nameOf } from '@keelson/api';
import { Node, type Taint } from '@keelson/api/core/v1';
import { isReason, type Clock } from '@keelson/base';
import type { Client } from '@keelson/client';

export const NOT_READY = 'node.kubernetes.io/not-ready';
export const UNREACHABLE = 'node.kubernetes.io/unreachable';
const UNSCHEDULABLE = 'node.kubernetes.io/unschedulable';
const MAX_TRIES = 5;

/** Which status of which condition keeps new pods away, by which taint. */
const BY_CONDITION: readonly (readonly [type: string, status: string, key: string])[] = [
  ['Ready', 'False', NOT_READY],
  ['Ready', 'Unknown', UNREACHABLE],
  ['MemoryPressure', 'True', 'node.kubernetes.io/memory-pressure'],
  ['DiskPressure', 'True', 'node.kubernetes.io/disk-pressure'],
  ['NetworkUnavailable', 'True', 'node.kubernetes.io/network-unavailable'],
  ['PIDPressure', 'True', 'node.kubernetes.io/pid-pressure'],
];

const NO_SCHEDULE_KEYS = new Set([UNSCHEDULABLE, ...BY_CONDITION.map(([, , key]) => key)]);

type TaintId = Pick<Taint, 'key' | 'effect'>;

export interface TaintChange {
  readonly add: readonly TaintId[];
  readonly remove: readonly TaintId[];
}

/** What must change so that new pods are kept away as the node's conditions say. Other taints stay as they are. */
export function noScheduleChange({ spec, status }: Node): TaintChange {
  const wanted = new Set<string>();
  for (const [type, when, key] of BY_CONDITION) if (findCondition(status?.conditions, type)?.status === when) wanted.add(key);
  if (spec?.unschedulable === true) wanted.add(UNSCHEDULABLE);
  const present = (spec?.taints ?? []).filter(({ key, effect }) => effect === 'NoSchedule' && NO_SCHEDULE_KEYS.has(key));
  const remove = present.filter(({ key }) => !wanted.has(key));
  for (const { key } of present) wanted.delete(key);
  return { add: Array.from(wanted, (key) => ({ key, effect: 'NoSchedule' })), remove };
}

/** What must change so that pods leave a node which is not ready or not reachable, or no longer have to leave one. */
export function noExecuteChange({ spec, status }: Node): TaintChange {
  const ready = findCondition(status?.conditions, 'Ready')?.status;
  const key = ready === 'False' ? NOT_READY : ready === 'Unknown' ? UNREACHABLE : undefined;
  const present = (spec?.taints ?? []).filter(
    (taint) => taint.effect === 'NoExecute' && (taint.key === NOT_READY || taint.key === UNREACHABLE),
  );
  const isThere = present.some((taint) => taint.key === key);
  return {
    add: key === undefined || isThere ? [] : [{ key, effect: 'NoExecute' }],
    remove: present.filter((taint) => taint.key !== key),
  };
}

/** That of a node which may keep its pods after all. */
export function withoutNoExecute({ spec }: Node): TaintChange {
  const present = spec?.taints ?? [];
  const remove = present.filter(({ key, effect }) => effect === 'NoExecute' && (key === NOT_READY || key === UNREACHABLE));
  return { add: [], remove };
}

export function isNothing({ add, remove }: TaintChange): boolean {
  return add.length === 0 && remove.length === 0;
}

/** Writes what `change` makes of the newest state of the node. */
export async function changeTaints(
  { client, clock }: { readonly client: Client; readonly clock: Clock },
  node: Node,
  change: (node: Node) => TaintChange,
): Promise<void> {
  const nodes = client.resource(Node);
  const name = nameOf(node);
  for (let tries = 1, known: Node | undefined = node; known; tries += 1) {
    const wanted = change(known);
    if (isNothing(wanted) || known.metadata?.uid !== node.metadata?.uid) return;
    const taints = applied(known.spec?.taints ?? [], wanted, formatTime(clock.now()));
    const { resourceVersion } = known.metadata ?? {};
    try {
      await nodes.patch({ name }, 'merge', { metadata: { resourceVersion }, spec: { taints } });
      return;
    } catch (error) {
      if (isReason(error, 'NotFound')) return;
      if (!isReason(error, 'Conflict') || tries >= MAX_TRIES) throw error;
    }
    known = await nodes.find({ name });
  }
}

function applied(taints: readonly Taint[], { add, remove }: TaintChange, timeAdded: string): Taint[] {
  const isRemoved = ({ key, effect }: Taint): boolean => remove.some((each) => each.key === key && each.effect === effect);
  return [...taints.filter((taint) => !isRemoved(taint)), ...add.map((taint) => ({ ...taint, timeAdded }))];
}
