import { type Api, type ContainerName, podCall, transportOf } from './pod-call.ts';

export interface LogOptions extends ContainerName {
  /** Goes on until the container ends, the signal aborts or the stream is destroyed. */
  readonly follow?: boolean;
  /** Of the container's run before this one. */
  readonly previous?: boolean;
  /** Starts each line with when it was written, in RFC 3339. */
  readonly timestamps?: boolean;
  /** How many lines at the end. */
  readonly tailLines?: number;
  readonly limitBytes?: number;
  readonly sinceSeconds?: number;
  /** RFC 3339. Not with `sinceSeconds`. */
  readonly sinceTime?: string;
}

/** What a container has written, as bytes over time. Rejects with the server's reason, such as `NotFound` or `BadRequest`. */
export function logs(api: Api, { name, namespace, signal, ...options }: LogOptions): Promise<LogStream> {
  const pod = { name, ...(namespace !== undefined && { namespace }), ...(signal && { signal }) };
  return transportOf(api).stream(podCall(pod, 'log', options));
}

/** Destroying it, or leaving a loop over it, ends the call. */
export type LogStream = NodeJS.ReadableStream & AsyncIterable<Uint8Array>;
