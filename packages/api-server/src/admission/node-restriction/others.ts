import type { KubernetesObject } from '@keelson/api';
import type { PersistentVolumeClaim } from '@keelson/api/core/v1';
import type { ResourceSlice } from '@keelson/api/resource/v1';
import { sameJson } from '../../validation/equality.ts';
import type { AdmissionRequest } from '../admission.ts';

/** Of a kind of which each node has one, under its own name. */
export function whyNotOwnNamed({ name }: AdmissionRequest, node: string, what: string): string | undefined {
  return name === node ? undefined : `can only access ${what} with the same name as the requesting node`;
}

/** Changes are judged by the authorizer, which does not know what is created, nor each that goes with a collection. */
export function whyNotSlice({ operation, object, oldObject }: AdmissionRequest, node: string): string | undefined {
  if (operation === 'UPDATE') return undefined;
  const slice = (operation === 'CREATE' ? object : oldObject) as ResourceSlice | undefined;
  if (slice?.spec.nodeName === node) return undefined;
  return `can only ${operation === 'CREATE' ? 'create' : 'delete'} ResourceSlice with the same NodeName as the requesting node`;
}

/** A kubelet tells how far a claim has grown. */
export function whyNotClaim({ operation, subresource, object, oldObject }: AdmissionRequest, node: string): string | undefined {
  if (subresource !== 'status') return 'may only update PVC status';
  if (operation !== 'UPDATE') return `unexpected operation "${operation}"`;
  if (sameJson(apartFromGrowth(object), apartFromGrowth(oldObject))) return undefined;
  return `node "${node}" is not allowed to update fields other than status.capacity and status.conditions`;
}

function apartFromGrowth(object: Readonly<KubernetesObject> | undefined): object {
  const { metadata, spec, status } = (object ?? {}) as PersistentVolumeClaim;
  const { resourceVersion: _version, managedFields: _owners, ...meta } = metadata ?? {};
  const { capacity: _capacity, conditions: _conditions, ...others } = status ?? {};
  const { allocatedResources: _amounts, allocatedResourceStatuses: _statuses, ...rest } = others;
  return { meta, spec, rest };
}
