import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import type { Duplex } from 'node:stream';
import type { KubernetesObject } from '@keelson/api';
import type { KeelsonError } from '@keelson/base';
import type { Transport } from '@keelson/client';
import type { ResourceDefinition } from '../registry/resource-definition.ts';
import type { WatchNote } from '../storage/cache-event.ts';
import type { StoredObject } from '../storage/stored-object.ts';

/** What a request leads to. Each front (HTTP, in process) sends it in its own way. */
export type ApiResult = ObjectResult | ListResult | ObjectsResult | ValueResult | WatchResult | ContentResult | ConnectResult;

/** An object as it is stored. */
export interface ObjectResult {
  readonly type: 'object';
  readonly status: number;
  readonly definition: ResourceDefinition;
  readonly item: StoredObject;
}

export interface ListMetadata {
  readonly resourceVersion: string;
  readonly continue?: string;
  readonly remainingItemCount?: number;
}

export interface ListResult {
  readonly type: 'list';
  readonly definition: ResourceDefinition;
  readonly items: readonly StoredObject[];
  readonly metadata: ListMetadata;
}

/** A list of objects that are not stored. */
export interface ObjectsResult {
  readonly type: 'objects';
  readonly definition: ResourceDefinition;
  readonly objects: readonly Readonly<KubernetesObject>[];
  readonly metadata: Partial<ListMetadata>;
}

/** Any other JSON value; with a definition if it is an object of that kind (of a dry run, say). */
export interface ValueResult {
  readonly type: 'value';
  readonly status: number;
  readonly value: unknown;
  readonly definition?: ResourceDefinition;
}

/** Whoever sends a watch. Calls come in order; after `end` there are none. */
export interface WatchSink {
  notes(notes: readonly WatchNote[]): void;
  bookmark(resourceVersion: string, initialEventsEnd: boolean): void;
  /** With an error: tell it, then end. */
  end(error?: KeelsonError): void;
}

export interface WatchResult {
  readonly type: 'watch';
  readonly definition: ResourceDefinition;
  /** Begins to call the sink, at once; what it gives stops it. */
  open(sink: WatchSink): Disposable;
}

/** Anything that is not JSON out of the registry: health, metrics, discovery documents. */
export interface ContentResult {
  readonly type: 'content';
  readonly status: number;
  readonly contentType: string;
  readonly body: string | Uint8Array | (NodeJS.ReadableStream & AsyncIterable<Uint8Array>);
  readonly headers?: Readonly<Record<string, string>>;
}

/** A stream that takes over the connection. */
export interface ConnectResult {
  readonly type: 'connect';
  /** For HTTP. */
  readonly serve: (exchange: HttpExchange) => Promise<void>;
  /** For callers in this process: the protocol that was chosen, and the raw connection. */
  readonly open?: (protocols: readonly string[]) => Promise<{ readonly protocol: string; readonly connection: Duplex }>;
  /** For callers in this process that read a body. */
  readonly read?: () => Promise<NodeJS.ReadableStream & AsyncIterable<Uint8Array>>;
  /** For callers in this process, if another API server answers: the way to it. To be closed after the call. */
  readonly transport?: () => Promise<Transport>;
}

/** What HTTP hands to a `ConnectResult`: either an ordinary exchange, whose body is not read yet, or a socket after `Upgrade`. */
export interface HttpExchange {
  readonly request: IncomingMessage | Http2ServerRequest;
  readonly response?: ServerResponse | Http2ServerResponse;
  readonly upgrade?: { readonly socket: Duplex; readonly head: Buffer };
}
