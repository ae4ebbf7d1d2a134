import { deepEqual, nameOf, namespaceOf } from '@keelson/api';
import { Deployment, type DeploymentCondition, type DeploymentStatus, type ReplicaSet } from '@keelson/api/apps/v1';
import type { Client } from '@keelson/client';
import { missingAnnotations, type Annotations } from './annotations.ts';
import { REASONS, withCondition } from './conditions.ts';
import { maxUnavailable, replicasOf } from './limits.ts';
import { availableOf, sizeOf, sum } from './replica-sets.ts';

/** The counts of a Deployment's status; those of 0 are left out, as in Kubernetes. */
export function countsOf(
  deployment: Deployment,
  newSet: ReplicaSet | undefined,
  oldSets: readonly ReplicaSet[],
): Omit<DeploymentStatus, 'conditions' | 'collisionCount'> {
  const sets = newSet ? [newSet, ...oldSets] : oldSets;
  const available = sum(sets, availableOf);
  const terminating = sets.map(({ status }) => status?.terminatingReplicas);
  return {
    observedGeneration: deployment.metadata?.generation,
    replicas: sum(sets, ({ status }) => status?.replicas ?? 0) || undefined,
    updatedReplicas: newSet?.status?.replicas || undefined,
    readyReplicas: sum(sets, ({ status }) => status?.readyReplicas ?? 0) || undefined,
    availableReplicas: available || undefined,
    unavailableReplicas: Math.max(0, sum(sets, sizeOf) - available) || undefined,
    // Not known before every set has said it.
    terminatingReplicas: terminating.includes(undefined) ? undefined : sum(terminating, (count) => count ?? 0),
  };
}

export function withAvailability(
  conditions: readonly DeploymentCondition[],
  deployment: Deployment,
  { availableReplicas = 0, nowMs }: { readonly availableReplicas?: number | undefined; readonly nowMs: number },
): readonly DeploymentCondition[] {
  const isEnough = availableReplicas >= replicasOf(deployment) - maxUnavailable(deployment);
  const [status, reason, verb] = isEnough
    ? (['True', REASONS.enough, 'has'] as const)
    : (['False', REASONS.tooFew, 'does not have'] as const);
  const message = `Deployment ${verb} minimum availability.`;
  return withCondition(conditions, { type: 'Available', status, reason, message }, nowMs);
}

/** What is to be written of a Deployment: its status and, in the same write, its revision. */
export interface Draft {
  readonly status: DeploymentStatus;
  readonly annotations: Annotations;
}

/** Writes what differs, if anything does, on exactly the state that was looked at. True if it was written. */
export async function writeDraft(client: Client, deployment: Deployment, { status, annotations }: Draft): Promise<boolean> {
  const known = (deployment.status ?? {}) as Readonly<Record<string, unknown>>;
  const changed = Object.entries(status).filter(([field, value]) => !deepEqual(known[field] ?? null, value ?? null));
  const missing = missingAnnotations(deployment, annotations);
  if (changed.length === 0 && !missing) return false;
  const { uid, resourceVersion } = deployment.metadata ?? {};
  await client.resource(Deployment).patchStatus({ name: nameOf(deployment), namespace: namespaceOf(deployment) }, 'merge', {
    metadata: { uid, resourceVersion, ...(missing && { annotations: missing }) },
    status: Object.fromEntries(changed.map(([field, value]) => [field, value ?? null])),
  });
  return true;
}
