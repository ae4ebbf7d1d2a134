import type { Node, Pod } from '@keelson/api/core/v1';
import { claimNames, configMapNames, secretNames } from '../../auth/node/references.ts';
import { sameJson } from '../../validation/equality.ts';
import type { AdmissionRequest } from '../admission.ts';
import { found, type TokenSources } from './tokens.ts';

const MIRROR = 'kubernetes.io/config.mirror';

/** Only those that are bound to the node: copies of static pods to be made, any of them to be ended and told of. */
export async function whyNotPod(request: AdmissionRequest, node: string, sources: TokenSources): Promise<string | undefined> {
  switch (request.subresource) {
    case '':
      return whyNotItself(request, node, sources);
    case 'status':
      return whyNotStatus(request, node);
    case 'eviction':
      return whyNotEviction(request, node, sources);
    default:
      return `unexpected pod subresource "${request.subresource}", only 'status' and 'eviction' are allowed`;
  }
}

async function whyNotItself(request: AdmissionRequest, node: string, sources: TokenSources): Promise<string | undefined> {
  const { operation } = request;
  if (operation === 'CREATE') return whyNotCreate(request.object as Pod, node, sources);
  if (operation !== 'DELETE') {
    return `unexpected operation "${operation}", node "${node}" can only create and delete mirror pods`;
  }
  const isOwn = nodeNameOf(request.oldObject) === node;
  return isOwn ? undefined : `node "${node}" can only delete pods with spec.nodeName set to itself`;
}

async function whyNotCreate(pod: Pod, node: string, sources: TokenSources): Promise<string | undefined> {
  if (pod.metadata?.annotations?.[MIRROR] === undefined) {
    return `pod does not have "${MIRROR}" annotation, node "${node}" can only create mirror pods`;
  }
  if (nodeNameOf(pod) !== node) return `node "${node}" can only create pods with spec.nodeName set to itself`;
  return (await whyNotOwner(pod, node, sources)) ?? whyNotReferences(pod, node);
}

async function whyNotOwner({ metadata }: Pod, node: string, sources: TokenSources): Promise<string | undefined> {
  const [owner, ...others] = metadata?.ownerReferences ?? [];
  const only = `node "${node}" can only create pods with`;
  if (others.length > 0) return `${only} a single owner reference set to itself`;
  const isNode = owner?.apiVersion === 'v1' && owner.kind === 'Node' && owner.name === node;
  if (!isNode) return `${only} an owner reference set to itself`;
  if (owner.controller !== true) return `${only} a controller owner reference set to itself`;
  if (owner.blockOwnerDeletion === true) return `node "${node}" must not set blockOwnerDeletion on an owner reference`;
  const { metadata: known } = await found<Node>(sources, { resource: 'nodes', name: node });
  if (owner.uid === known?.uid) return undefined;
  return `node ${node} UID mismatch: expected ${owner.uid} got ${known?.uid ?? ''}`;
}

/** By a pod that it makes, a node would come to read what the pod refers to. */
function whyNotReferences(pod: Pod, node: string): string | undefined {
  const { serviceAccountName, resourceClaims = [], volumes = [] } = pod.spec ?? {};
  if (serviceAccountName) return `node "${node}" can not create pods that reference a service account`;
  const sources = volumes.flatMap(({ projected }) => projected?.sources ?? []);
  const referred: Readonly<Record<string, number>> = {
    secrets: secretNames(pod).length,
    configmaps: configMapNames(pod).length,
    clustertrustbundles: sources.filter(({ clusterTrustBundle }) => clusterTrustBundle).length,
    persistentvolumeclaims: claimNames(pod).length,
    resourceclaims: resourceClaims.length,
  };
  const what = Object.keys(referred).find((resource) => (referred[resource] ?? 0) > 0);
  return what === undefined ? undefined : `node "${node}" can not create pods that reference ${what}`;
}

function whyNotStatus({ operation, object, oldObject }: AdmissionRequest, node: string): string | undefined {
  if (operation !== 'UPDATE') return `unexpected operation "${operation}"`;
  if (nodeNameOf(oldObject) !== node) {
    return `node "${node}" can only update pod status for pods with spec.nodeName set to itself`;
  }
  const [now, before] = [object as Pod, oldObject as Pod];
  if (!sameJson(now.metadata?.labels ?? {}, before.metadata?.labels ?? {})) {
    return `node "${node}" cannot update labels through pod status`;
  }
  if (!sameJson(claimStatuses(now), claimStatuses(before))) return `node "${node}" cannot update resource claim statues`;
  if (sameJson(extendedClaim(now), extendedClaim(before))) return undefined;
  return `node "${node}" cannot update extended resource claim status`;
}

function claimStatuses({ status }: Pod): unknown {
  return status?.resourceClaimStatuses ?? [];
}

function extendedClaim({ status }: Pod): unknown {
  return status?.extendedResourceClaimStatus ?? {};
}

async function whyNotEviction(request: AdmissionRequest, node: string, sources: TokenSources): Promise<string | undefined> {
  const { operation, namespace, name } = request;
  if (operation !== 'CREATE') return `unexpected operation ${operation}`;
  const pod = await found<Pod>(sources, { resource: 'pods', namespace, name });
  return nodeNameOf(pod) === node ? undefined : `node ${node} can only evict pods with spec.nodeName set to itself`;
}

function nodeNameOf(pod: AdmissionRequest['oldObject']): string | undefined {
  return (pod as Pod | undefined)?.spec?.nodeName;
}
