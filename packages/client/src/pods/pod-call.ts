import type { Client } from '../client.ts';
import type { ApiCall, Transport } from '../transport.ts';

/** A pod, and who asks. */
export interface PodName {
  readonly name: string;
  /** Default `default`. */
  readonly namespace?: string;
  /** Gives up, or ends what has begun. */
  readonly signal?: AbortSignal;
}

/** A container of a pod. */
export interface ContainerName extends PodName {
  /** May be left out if the pod has one container, or says which one is meant by an annotation. */
  readonly container?: string;
}

/** Both are taken by what works on single pods. */
export type Api = Client | Transport;

export function transportOf(api: Api): Transport {
  return 'transport' in api ? api.transport : api;
}

/** A call of a pod's subresource. Options that are undefined or false stay out of the query. */
export function podCall({ name, namespace = 'default', signal }: PodName, subresource: string, options: object): ApiCall {
  const entries = Object.entries(options).filter(([, value]) => value !== undefined && value !== false);
  return {
    method: 'GET',
    path: `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(name)}/${subresource}`,
    query: Object.fromEntries(entries) as NonNullable<ApiCall['query']>,
    accept: '*/*',
    ...(signal && { signal }),
  };
}
