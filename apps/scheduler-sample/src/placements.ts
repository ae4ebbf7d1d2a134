import { nameOf, type KubernetesObject } from '@keelson/api';
import { Namespace, Node, Pod, ServiceAccount } from '@keelson/api/core/v1';
import type { Client } from '@keelson/client';
import type { Informer } from '@keelson/controller-runtime';
import { filter, firstValueFrom, timeout } from 'rxjs';
import { COST_LABEL } from './cheap-nodes.ts';
import type { ControlPlane } from './compose.ts';

const DEADLINE_MS = 10_000;
const namespace = 'default';

/** By the name of each pod, its node. */
export type Placements = ReadonlyMap<string, string>;

/** Makes nodes of these costs (`node-1`...), and pods (`pod-1`...); resolves when all pods have nodes. */
export async function placePods(
  { client, informers }: ControlPlane,
  costs: readonly number[],
  pods: number,
): Promise<Placements> {
  await client.resource(Namespace).create({ metadata: { name: namespace } });
  await client.resource(ServiceAccount).create({ metadata: { name: 'default', namespace } });
  for (const [at, cost] of costs.entries()) await createNode(client, `node-${at + 1}`, cost);
  await until(informers.for(Node), costs.length, ({ status }) => status?.allocatable !== undefined);
  for (let at = 1; at <= pods; at += 1) await createPod(client, `pod-${at}`);
  const placed = await until(informers.for(Pod), pods, ({ spec }) => spec?.nodeName !== undefined);
  return new Map(placed.map((pod) => [nameOf(pod), pod.spec?.nodeName ?? '']));
}

async function createNode(client: Client, name: string, cost: number): Promise<void> {
  const nodes = client.resource(Node);
  await nodes.create({ metadata: { name, labels: { [COST_LABEL]: String(cost) } } });
  const allocatable = { cpu: '2', memory: '8Gi', pods: '110' };
  await nodes.patchStatus({ name }, 'merge', { status: { allocatable, conditions: [{ type: 'Ready', status: 'True' }] } });
}

async function createPod(client: Client, name: string): Promise<void> {
  const resources = { requests: { cpu: '500m', memory: '1Gi' } };
  await client.resource(Pod).create({
    metadata: { name, namespace },
    spec: { containers: [{ name: 'web', image: 'web:1', resources }] },
  });
}

/** The informers are those of the scheduler, which sees each change before this does. */
async function until<T extends KubernetesObject>(
  informer: Informer<T>,
  count: number,
  holds: (object: T) => boolean,
): Promise<T[]> {
  const found = (): T[] => informer.list().filter(holds);
  await firstValueFrom(
    informer.deltas$.pipe(
      filter(() => found().length >= count),
      timeout(DEADLINE_MS),
    ),
  );
  return found();
}
