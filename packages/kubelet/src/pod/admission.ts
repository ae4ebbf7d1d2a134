import { allowsNode, parseQuantity, podResourceRequests, Quantity, type ResourceAmounts } from '@keelson/api';
import type { Node, Pod, PodSpec } from '@keelson/api/core/v1';
import { addTo } from './resources.ts';

/** Why a node will not run a pod that was given to it. The pod's phase becomes Failed with this. */
export interface Rejection {
  readonly reason: string;
  readonly message: string;
  /** What the condition `DisruptionTarget` says, of a pod that had been let in. */
  readonly disruption?: string;
}

/**
 * Pure: whether a pod fits on the node it was bound to, for those that did not come through a scheduler. `others` are the pods that the
 * node has taken on and that have not ended.
 */
export function admit(pod: Pod, node: Pick<Node, 'metadata' | 'status'>, others: readonly Pod[]): Rejection | undefined {
  if (!allowsNode(pod, node)) return failed('NodeAffinity', "node(s) didn't match Pod's node affinity/selector");
  if (hasTakenPort(pod, others)) return failed('NodePorts', "node(s) didn't have free ports for the requested pod ports");
  return fitsAmong(pod, node, others);
}

function failed(predicate: string, why: string): Rejection {
  return { reason: predicate, message: `Pod was rejected: Predicate ${predicate} failed: ${why}` };
}

interface HostPort {
  readonly ip: string;
  readonly protocol: string;
  readonly port: number;
}

const ANY_ADDRESS = '0.0.0.0';

/** An address of its own and "any address" are in each other's way. */
function hasTakenPort(pod: Pod, others: readonly Pod[]): boolean {
  const wanted = hostPorts(pod.spec);
  if (wanted.length === 0) return false;
  const taken = others.flatMap(({ spec }) => hostPorts(spec));
  return wanted.some((mine) =>
    taken.some(
      (other) =>
        mine.port === other.port &&
        mine.protocol === other.protocol &&
        (mine.ip === other.ip || mine.ip === ANY_ADDRESS || other.ip === ANY_ADDRESS),
    ),
  );
}

function hostPorts(spec: PodSpec | undefined): HostPort[] {
  return (spec?.containers ?? []).flatMap(({ ports = [] }) =>
    ports.flatMap(({ hostPort, hostIP, protocol = 'TCP' }) =>
      hostPort ? [{ ip: hostIP || ANY_ADDRESS, protocol, port: hostPort }] : [],
    ),
  );
}

/** Whether there is room for a pod beside others. What the node does not know is the scheduler's to judge. */
export function fitsAmong(pod: Pod, node: Pick<Node, 'status'>, others: readonly Pod[]): Rejection | undefined {
  const allocatable = node.status?.allocatable ?? {};
  const used = new Map<string, Quantity>([['pods', parseQuantity(others.length)]]);
  for (const other of others) addTo(used, requestsOf(other));
  const wanted = new Map(requestsOf(pod)).set('pods', parseQuantity(1));
  for (const [name, amount] of wanted) {
    if (amount.isZero() || !(name in allocatable)) continue;
    const capacity = parseQuantity(allocatable[name] ?? '0');
    const taken = used.get(name) ?? Quantity.ZERO;
    if (taken.add(amount).cmp(capacity) <= 0) continue;
    const figures = `requested: ${figure(name, amount)}, used: ${figure(name, taken)}, capacity: ${figure(name, capacity)}`;
    return { reason: `OutOf${name}`, message: `Pod was rejected: Node didn't have enough resource: ${name}, ${figures}` };
  }
  return undefined;
}

/** Why a node can't have room for a pod even if it were empty, if so. */
export function fitsAtAll(pod: Pod, node: Pick<Node, 'status'>): string | undefined {
  const allocatable = node.status?.allocatable ?? {};
  for (const [name, amount] of requestsOf(pod)) {
    const capacity = parseQuantity(allocatable[name] ?? '0');
    if (amount.isZero() || !(name in allocatable) || amount.cmp(capacity) <= 0) continue;
    const figures = `requested: ${figure(name, amount)}, capacity: ${figure(name, capacity)}`;
    return `Node didn't have enough capacity: ${name}, ${figures}`;
  }
  return undefined;
}

const REQUESTS = new WeakMap<PodSpec, ResourceAmounts>();

/** Asked for of every pod of the node whenever one comes; specs are frozen. */
function requestsOf(pod: Pod): ResourceAmounts {
  const requests = (pod.spec && REQUESTS.get(pod.spec)) ?? podResourceRequests(pod);
  if (pod.spec) REQUESTS.set(pod.spec, requests);
  return requests;
}

function figure(name: string, amount: Quantity): string {
  return String(name === 'cpu' ? amount.milliValue() : amount.value());
}
