import { isPodTerminal, type KubernetesObject } from '@keelson/api';
import type { Pod } from '@keelson/api/core/v1';
import { errorMessage, isReason } from '@keelson/base';
import type { Client } from '@keelson/client';
import { servedResources, type ServedResource } from '../discovery/served-resources.ts';
import type { Leftovers } from './conditions.ts';

/** How long finalizers are given before the next look. */
const FINALIZER_SECONDS = 15;
const PAGE = 500;

/** What an attempt has come to. Empty and without failures: the namespace has no content any more. */
export interface Emptied extends Leftovers {
  /** In how many seconds the rest should be gone; 0 if nobody knows. */
  readonly estimateSeconds: number;
}

interface Attempt {
  readonly deletionErrors: string[];
  readonly remaining: Map<string, number>;
  readonly finalizers: Map<string, number>;
  estimateSeconds: number;
}

interface Target {
  readonly client: Client;
  readonly namespace: string;
  readonly deletedAtMs: number;
  readonly nowMs: number;
  readonly signal: AbortSignal;
}

/**
 * Deletes all that a server has in a namespace, of whatever kind. Pods go first, and until they are gone nothing else is touched: they may
 * need their volumes, secrets and network policies to the end.
 */
export async function emptyNamespace(target: Target): Promise<Emptied> {
  const { resources, failures: discoveryFailures } = await servedResources(target.client.transport, target.signal);
  const deletable = resources.filter(({ namespaced, verbs }) => namespaced && verbs.includes('delete') && verbs.includes('list'));
  const attempt: Attempt = { deletionErrors: [], remaining: new Map(), finalizers: new Map(), estimateSeconds: 0 };
  const pods = deletable.filter(isPods);
  for (const resource of pods) await emptyResource(target, resource, attempt);
  if (attempt.remaining.size === 0 && attempt.deletionErrors.length === 0) {
    for (const resource of deletable) if (!isPods(resource)) await emptyResource(target, resource, attempt);
  }
  return { discoveryFailures, ...attempt };
}

function isPods({ group, resource }: ServedResource): boolean {
  return group === '' && resource === 'pods';
}

/** Never rejects, but when the signal aborts. */
async function emptyResource(target: Target, resource: ServedResource, attempt: Attempt): Promise<void> {
  try {
    const before = await everything(target, resource);
    if (before.length === 0) return;
    const estimateSeconds = isPods(resource) ? graceLeft(before as readonly Pod[], target) : 0;
    await deleteAll(target, resource, before);
    note(resource, { left: await everything(target, resource), estimateSeconds, namespace: target.namespace }, attempt);
  } catch (error) {
    target.signal.throwIfAborted();
    // A kind that is not served any more, as its CRD is gone, has no objects.
    if (!isReason(error, 'NotFound', 'MethodNotAllowed')) attempt.deletionErrors.push(errorMessage(error));
  }
}

function note(
  resource: ServedResource,
  found: { readonly left: readonly KubernetesObject[]; readonly estimateSeconds: number; readonly namespace: string },
  attempt: Attempt,
): void {
  const { left, estimateSeconds, namespace } = found;
  if (left.length === 0) return;
  attempt.remaining.set(`${resource.resource}.${resource.group}`, left.length);
  const finalizers = left.flatMap(({ metadata }) => metadata?.finalizers ?? []);
  for (const finalizer of finalizers) attempt.finalizers.set(finalizer, (attempt.finalizers.get(finalizer) ?? 0) + 1);
  const seconds = estimateSeconds > 0 ? estimateSeconds : finalizers.length > 0 ? FINALIZER_SECONDS : 0;
  attempt.estimateSeconds = Math.max(attempt.estimateSeconds, seconds);
  if (seconds > 0) return;
  const { group, version, resource: name } = resource;
  attempt.deletionErrors.push(
    `unexpected items still remain in namespace: ${namespace} for gvr: ${group}/${version}, Resource=${name}`,
  );
}

async function everything({ client, namespace, signal }: Target, resource: ServedResource): Promise<readonly KubernetesObject[]> {
  const items: KubernetesObject[] = [];
  let next: string | undefined;
  do {
    const page = await client.resource(resource).list({ namespace, limit: PAGE, signal, ...(next && { continue: next }) });
    for (const item of page.items) items.push(item);
    next = page.metadata.continue;
  } while (next);
  return items;
}

async function deleteAll(
  { client, namespace, signal }: Target,
  resource: ServedResource,
  items: readonly KubernetesObject[],
): Promise<void> {
  const options = { propagationPolicy: 'Background', signal } as const;
  if (resource.verbs.includes('deletecollection')) {
    await client.resource(resource).deleteCollection({ namespace }, options);
    return;
  }
  for (const { metadata } of items) {
    const { name = '', uid } = metadata ?? {};
    const preconditions = uid === undefined ? {} : { preconditions: { uid } };
    try {
      await client.resource(resource).delete({ name, namespace }, { ...options, ...preconditions });
    } catch (error) {
      if (!isReason(error, 'NotFound', 'Conflict')) throw error;
    }
  }
}

/** The longest grace of the pods that still run; 0 once it is over, counted from the deletion of the namespace. */
function graceLeft(pods: readonly Pod[], { deletedAtMs, nowMs }: Target): number {
  const graces = pods.filter((pod) => !isPodTerminal(pod)).map(({ spec }) => spec?.terminationGracePeriodSeconds ?? 0);
  const longest = Math.max(0, ...graces);
  return nowMs - deletedAtMs >= longest * 1000 ? 0 : longest;
}
