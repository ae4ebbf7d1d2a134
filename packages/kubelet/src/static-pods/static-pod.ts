import { createHash } from 'node:crypto';
import { errorMessage, KeelsonError } from '@keelson/base';
import type { Container, Pod, PodSpec, Volume } from '@keelson/api/core/v1';
import { parse } from 'yaml';
import { allContainers } from '../pod/pod-facts.ts';

export const CONFIG_ANNOTATIONS = {
  source: 'kubernetes.io/config.source',
  seen: 'kubernetes.io/config.seen',
  hash: 'kubernetes.io/config.hash',
  /** On the copy that the API has: the hash of what it is a copy of. */
  mirror: 'kubernetes.io/config.mirror',
} as const;

/** Where a pod comes from that the API does not know by itself. */
export interface ManifestSource {
  readonly nodeName: string;
  readonly from: 'file' | 'http';
  /** Of the file, or the URL. */
  readonly path: string;
  /** When it was written, for the pod to tell. */
  readonly seen: string;
}

/** Pure: the pod that a manifest describes. Throws `Invalid` for what is none, or asks for what only the API has. */
export function staticPod(text: string, source: ManifestSource): Pod {
  return staticPodOf(document(text), source);
}

/** Pure: the pods of a document, which is one or a list of them, and why others in it are none. Throws `Invalid` for what is no document. */
export function staticPods(
  text: string,
  source: ManifestSource,
): { readonly pods: readonly Pod[]; readonly failures: readonly string[] } {
  const value = document(text) as { readonly kind?: unknown; readonly items?: unknown };
  const isList = (value.kind === 'PodList' || value.kind === 'List') && Array.isArray(value.items);
  const failures: string[] = [];
  const pods = (isList ? (value.items as unknown[]) : [value]).flatMap((item) => {
    try {
      return [staticPodOf(isList && isRecord(item) ? { apiVersion: 'v1', kind: 'Pod', ...item } : item, source)];
    } catch (error) {
      failures.push(errorMessage(error));
      return [];
    }
  });
  return { pods, failures };
}

function staticPodOf(value: unknown, { from, nodeName, path, seen }: ManifestSource): Pod {
  const { metadata = {}, spec = { containers: [] } } = podOf(value);
  const { name = '', namespace = 'default', uid } = metadata;
  if (name === '') throw new KeelsonError('Invalid', 'a static pod needs a name');
  if (spec.containers.length === 0) throw new KeelsonError('Invalid', `static pod "${name}" has no containers`);
  const asked = asksForOthers(spec);
  if (asked !== undefined) throw new KeelsonError('Invalid', `static pod "${name}" may not reference ${asked}`);
  const hash = uid ?? hashOf([metadata, spec, `host:${nodeName}`, `${from === 'file' ? 'file' : 'url'}:${path}`]);
  const own = {
    [CONFIG_ANNOTATIONS.hash]: hash,
    [CONFIG_ANNOTATIONS.source]: from,
    [CONFIG_ANNOTATIONS.seen]: seen,
  };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      ...metadata,
      name: `${name}-${nodeName.toLowerCase()}`,
      namespace,
      uid: hash,
      annotations: { ...metadata.annotations, ...own },
    },
    spec: withDefaults(spec, nodeName),
    status: { phase: 'Pending' },
  };
}

export function isStatic({ metadata }: Pod): boolean {
  const { annotations = {} } = metadata ?? {};
  const { [CONFIG_ANNOTATIONS.source]: source, [CONFIG_ANNOTATIONS.mirror]: mirror } = annotations;
  return (source === 'file' || source === 'http') && mirror === undefined;
}

/** The hash of the static pod that this one, out of the API, is a copy of. */
export function mirroredHash({ metadata }: Pod): string | undefined {
  return metadata?.annotations?.[CONFIG_ANNOTATIONS.mirror];
}

function document(text: string): unknown {
  try {
    return parse(text) ?? {};
  } catch (cause) {
    throw new KeelsonError('Invalid', 'the manifest is neither YAML nor JSON', { cause });
  }
}

function isRecord(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function podOf(value: unknown): Pod {
  const pod: Pod = isRecord(value) ? value : {};
  if (pod.kind !== 'Pod' || pod.apiVersion !== 'v1') throw new KeelsonError('Invalid', 'the manifest is no Pod of v1');
  if (!Array.isArray(pod.spec?.containers)) throw new KeelsonError('Invalid', 'the manifest has no containers');
  return pod;
}

/** In the form of a UID. */
function hashOf(parts: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 32);
}

/** It belongs to its node, whatever taints that gets. */
function withDefaults(spec: PodSpec, nodeName: string): PodSpec {
  const tolerations = [...(spec.tolerations ?? []), { operator: 'Exists', effect: 'NoExecute' }];
  const { enableServiceLinks = true, initContainers } = spec;
  const containers = spec.containers.map(withRequests);
  const init = initContainers && { initContainers: initContainers.map(withRequests) };
  return { ...spec, containers, ...init, nodeName, tolerations, enableServiceLinks };
}

/** Who limits asks for as much, as the API has it. */
function withRequests(container: Container): Container {
  const { limits, requests } = container.resources ?? {};
  return limits ? { ...container, resources: { ...container.resources, requests: { ...limits, ...requests } } } : container;
}

const VOLUMES = {
  secret: 'secrets',
  configMap: 'configmaps',
  persistentVolumeClaim: 'persistentvolumeclaims',
  projected: 'projected volumes',
  ephemeral: 'persistentvolumeclaims',
} as const satisfies Partial<Record<keyof Volume, string>>;

/** A static pod has to start without an API: what of it only that knows, if any. */
function asksForOthers(spec: PodSpec): string | undefined {
  if (spec.serviceAccountName) return 'serviceaccounts';
  if (spec.imagePullSecrets?.length) return 'secrets';
  if (spec.resourceClaims?.length) return 'resourceclaims';
  if (spec.ephemeralContainers?.length) return 'ephemeral containers';
  for (const volume of spec.volumes ?? []) {
    const source = Object.keys(VOLUMES).find((key) => volume[key as keyof typeof VOLUMES] !== undefined);
    if (source !== undefined) return VOLUMES[source as keyof typeof VOLUMES];
  }
  return allContainers(spec)
    .map(envAsksFor)
    .find((what) => what !== undefined);
}

function envAsksFor({ env = [], envFrom = [] }: Container): string | undefined {
  const sources = env.map(({ valueFrom }) => valueFrom ?? {});
  if (envFrom.some((from) => from.configMapRef) || sources.some((source) => source.configMapKeyRef)) return 'configmaps';
  return envFrom.some((from) => from.secretRef) || sources.some((source) => source.secretKeyRef) ? 'secrets' : undefined;
}
