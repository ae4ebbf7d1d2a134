import type { Duplex } from 'node:stream';
import type { Observable } from 'rxjs';
import type { KubernetesObject } from '@keelson/api';

export type HttpMethod = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** A call to a Kubernetes API, the same for every transport. */
export interface ApiCall {
  readonly method: HttpMethod;
  /** Absolute and percent-encoded, without a query: `/api/v1/namespaces/default/pods/web-0`. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;
  /** A JSON value. It is not changed; the server may keep it, so the caller must not change it afterwards. */
  readonly body?: unknown;
  /** Of `body`; `application/json` if absent. The four patch types are told apart by it. */
  readonly contentType?: string;
  /** What the answer may be; `application/json` if absent. */
  readonly accept?: string;
  /** Gives up the call. Each transport also has a timeout of its own. */
  readonly signal?: AbortSignal;
}

export interface ApiResponse {
  readonly status: number;
  /** The parsed JSON body, or the text of any other content type. Objects may be frozen and shared with caches: clone before changing. */
  readonly body: unknown;
  /** Texts of the `Warning` headers. */
  readonly warnings: readonly string[];
}

/** One line of a watch. `object` is frozen and shared. A `BOOKMARK` has only kind, apiVersion and metadata. */
export type WatchEvent<T extends KubernetesObject = KubernetesObject> =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: T }
  | { readonly type: 'BOOKMARK'; readonly object: KubernetesObject };

/**
 * How a call gets to an API server and back. A response that is a `Status` failure (code 400 and up) becomes a rejected `KeelsonError`
 * with the Status' reason, message, code and details; a server that cannot be reached is `ServiceUnavailable`, no answer in time `Timeout`.
 */
export interface Transport {
  request(call: ApiCall): Promise<ApiResponse>;

  /**
   * A watch (the call has `watch=true` in its query). Emits arrays of events, in order. Completes when the server ends the watch, which
   * is ordinary; errors with a `KeelsonError` otherwise (`Expired` for 410, also when it arrives as an `ERROR` event).
   */
  watch(call: ApiCall): Observable<readonly WatchEvent[]>;

  /** A body that arrives over time, such as a followed log. Destroying it ends the call. */
  stream(call: ApiCall): Promise<NodeJS.ReadableStream & AsyncIterable<Uint8Array>>;

  /** Opens a WebSocket with one of `protocols` (exec, attach, port-forward) and gives the raw connection after the handshake. */
  upgrade(call: ApiCall, protocols: readonly string[]): Promise<Upgraded>;

  /** Ends connections that are kept open. */
  close(): Promise<void>;
}

/** A connection after `101 Switching Protocols`: WebSocket frames are still to be read and written on it. */
export interface Upgraded {
  readonly protocol: string;
  readonly connection: Duplex;
}
