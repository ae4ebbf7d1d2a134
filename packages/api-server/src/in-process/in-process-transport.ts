import { apiVersionOf, deepFreeze, errorOf, statusOf, type KubernetesObject } from '@keelson/api';
import { KeelsonError, type Clock } from '@keelson/base';
import type { ApiCall, ApiResponse, Transport, Upgraded, WatchEvent } from '@keelson/client';
import { Readable } from 'node:stream';
import { Observable } from 'rxjs';
import { converterOf } from '../convert/versions.ts';
import type { ResourceDefinition } from '../registry/resource-definition.ts';
import type { UserInfo } from '../registry/strategy.ts';
import type { ApiRequest } from '../request/api-request.ts';
import { Query } from '../request/query.ts';
import type { RequestLabels } from '../request/request-labels.ts';
import type { RequestMetrics } from '../request/request-metrics.ts';
import type { ApiResult, ListResult, ObjectsResult, ObjectResult, WatchResult } from '../response/api-result.ts';
import { agentOf } from './agent.ts';
import { bookmarkObject, servedObject } from '../response/served-object.ts';
import { representationOf, type Representation } from '../response/representation.ts';
import type { Representer } from '../response/representer.ts';
import type { WatchNote } from '../storage/cache-event.ts';

/** What serves requests. */
export interface RequestHandler {
  readonly representer: Representer;
  readonly clock: Clock;
  readonly requests: RequestMetrics;
  handle(request: ApiRequest, warn: (text: string) => void): Promise<ApiResult>;
}

/** Straight into an API server in the same process, as one user: the same verbs and checks as over HTTP, without a byte encoded for it. */
export class InProcessTransport implements Transport {
  readonly #handler: RequestHandler;
  readonly #user: UserInfo;
  readonly #agent: string;

  constructor(handler: RequestHandler, user: UserInfo) {
    this.#handler = handler;
    this.#user = user;
    this.#agent = agentOf(user);
  }

  async request(call: ApiCall): Promise<ApiResponse> {
    call.signal?.throwIfAborted();
    const warnings: string[] = [];
    const result = await this.#handle(this.#requestOf(call), false, (text) => warnings.push(text));
    call.signal?.throwIfAborted();
    if (result.type === 'connect' && result.transport) {
      const other = await result.transport();
      return other.request(call).finally(() => other.close());
    }
    return this.#answer(call, result, warnings);
  }

  watch(call: ApiCall): Observable<readonly WatchEvent[]> {
    return new Observable((subscriber) => {
      let opened: Disposable | undefined;
      const begin = async (): Promise<void> => {
        const request = this.#requestOf({ ...call, query: { ...call.query, watch: true } });
        const result = await this.#handle(request, true);
        if (subscriber.closed) return;
        if (result.type === 'content' && result.status >= 400) throw errorOf({}, result.status);
        if (result.type === 'connect' && result.transport) {
          opened = passOn(await result.transport(), call, subscriber);
          if (subscriber.closed) opened[Symbol.dispose]();
          return;
        }
        if (result.type !== 'watch') throw new KeelsonError('BadRequest', `Cannot watch "${call.path}"`);
        opened = this.#counted(request, openWatch(result, subscriber));
        if (subscriber.closed) opened[Symbol.dispose]();
      };
      begin().catch((error: unknown) => subscriber.error(error));
      const abort = (): void => subscriber.error(call.signal?.reason);
      call.signal?.addEventListener('abort', abort, { once: true });
      return () => {
        call.signal?.removeEventListener('abort', abort);
        opened?.[Symbol.dispose]();
      };
    });
  }

  async stream(call: ApiCall): Promise<NodeJS.ReadableStream & AsyncIterable<Uint8Array>> {
    const result = await this.#handle(this.#requestOf(call), true);
    if (result.type === 'connect' && result.read) return result.read();
    if (result.type !== 'content') throw new KeelsonError('BadRequest', `Cannot stream "${call.path}"`);
    const { body } = result;
    return typeof body === 'string' || body instanceof Uint8Array ? Readable.from([Buffer.from(body)]) : body;
  }

  async upgrade(call: ApiCall, protocols: readonly string[]): Promise<Upgraded> {
    const result = await this.#handle(this.#requestOf(call), true);
    if (result.type !== 'connect' || !result.open) throw new KeelsonError('BadRequest', `Cannot upgrade "${call.path}"`);
    return result.open(protocols);
  }

  async close(): Promise<void> {
    // Nothing is kept open.
  }

  /** Counted as those over HTTP are. */
  async #handle(request: ApiRequest, isLong: boolean, warn: (text: string) => void = () => undefined): Promise<ApiResult> {
    const { clock, requests } = this.#handler;
    const labels = this.#labelsOf(request, isLong);
    const startMs = clock.monotonic();
    const count = (code: number): void => requests.record(labels, code, isLong ? undefined : clock.monotonic() - startMs);
    try {
      const result = await this.#handler.handle(request, warn);
      count('status' in result ? result.status : 200);
      return result;
    } catch (error) {
      count(statusOf(error).code ?? 500);
      throw error;
    }
  }

  /** A watch, which is counted until it ends. */
  #counted(request: ApiRequest, watch: Disposable): Disposable {
    const { requests } = this.#handler;
    const labels = this.#labelsOf(request, true);
    requests.longRunning(labels, 1);
    return {
      [Symbol.dispose]: () => {
        requests.longRunning(labels, -1);
        watch[Symbol.dispose]();
      },
    };
  }

  #labelsOf({ method, path, query, body }: ApiRequest, isLong: boolean): RequestLabels {
    return this.#handler.requests.labels({ method, path, isDryRun: query.has('dryRun'), contentType: body?.contentType, isLong });
  }

  #represented(representation: Representation, result: ObjectResult | ListResult | ObjectsResult, call: ApiCall): unknown {
    const { representer } = this.#handler;
    const includeObject = Query.of(call.query).get('includeObject');
    if (result.type === 'objects') return representer.objects(representation, result, includeObject);
    if (result.type === 'list') return representer.list(representation, result, includeObject);
    const value = servedObject(result.definition, result.item);
    return representer.value(representation, result.definition, { value, includeObject });
  }

  #requestOf(call: ApiCall): ApiRequest {
    const { method, path, query, body, contentType, accept, signal } = call;
    return {
      method,
      path,
      query: Query.of(query),
      user: this.#user,
      body: body === undefined ? undefined : { type: 'value', value: body, contentType },
      accept,
      userAgent: this.#agent,
      signal,
    };
  }

  async #answer(call: ApiCall, result: ApiResult, warnings: readonly string[]): Promise<ApiResponse> {
    if (call.accept !== undefined && (result.type === 'object' || result.type === 'list' || result.type === 'objects')) {
      const representation = representationOf(call.accept);
      if (representation.as !== 'object') {
        return { status: 200, body: this.#represented(representation, result, call), warnings };
      }
    }
    switch (result.type) {
      case 'object':
        return { status: result.status, body: servedObject(result.definition, result.item), warnings };
      case 'list':
        return { status: 200, body: listValue(result), warnings };
      case 'objects':
        return { status: 200, body: this.#represented(representationOf(undefined), result, call), warnings };
      case 'value':
        if (result.status >= 400) throw errorOf(result.value ?? {}, result.status);
        return { status: result.status, body: result.value, warnings };
      case 'content':
        if (result.status >= 400) throw errorOf({ message: String(await contentValue(result)).trim() }, result.status);
        return { status: result.status, body: await contentValue(result), warnings };
      case 'watch':
        throw new KeelsonError('BadRequest', `Cannot answer a watch of "${call.path}" at once`);
      case 'connect': {
        if (!result.read) throw new KeelsonError('BadRequest', `Cannot answer "${call.path}" at once`);
        return { status: 200, body: await textOf(await result.read()), warnings };
      }
    }
  }
}

function listValue({ definition, items, metadata }: ListResult): unknown {
  return {
    kind: definition.listKind,
    apiVersion: apiVersionOf(definition),
    metadata,
    items: items.map((item) => servedObject(definition, item)),
  };
}

async function contentValue({ contentType, body }: Extract<ApiResult, { type: 'content' }>): Promise<unknown> {
  const text = typeof body === 'string' ? body : body instanceof Uint8Array ? Buffer.from(body).toString() : await textOf(body);
  return contentType.startsWith('application/json') ? JSON.parse(text) : text;
}

async function textOf(stream: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

/** A watch that another server answers. */
function passOn(other: Transport, call: ApiCall, receiver: EventReceiver): Disposable {
  const watch = other.watch({ ...call, query: { ...call.query, watch: true } }).subscribe({
    next: (events) => receiver.next(events),
    error: (error: unknown) => receiver.error(error),
    complete: () => receiver.complete(),
  });
  return {
    [Symbol.dispose]: () => {
      watch.unsubscribe();
      void other.close();
    },
  };
}

interface EventReceiver {
  next(events: readonly WatchEvent[]): void;
  error(error: unknown): void;
  complete(): void;
}

function openWatch(result: WatchResult, receiver: EventReceiver): Disposable {
  const { definition } = result;
  const toEvent = eventMaker(definition);
  return result.open({
    notes: (notes) => receiver.next(notes.map(toEvent)),
    bookmark: (version, isEnd) => receiver.next([{ type: 'BOOKMARK', object: bookmarkObject(definition, version, isEnd) }]),
    end: (error) => (error ? receiver.error(error) : receiver.complete()),
  });
}

function eventMaker(definition: ResourceDefinition): (note: WatchNote) => WatchEvent {
  if (!converterOf(definition)) return (note) => note.event();
  return (note) =>
    note.form(`event ${apiVersionOf(definition)}`, ({ type, item }): WatchEvent<KubernetesObject> => {
      return deepFreeze({ type, object: servedObject(definition, item) });
    });
}
