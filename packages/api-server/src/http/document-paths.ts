import type { DocumentHeaders, DocumentResponse } from '../discovery/index.ts';
import type { ResourceDefinition } from '../registry/resource-definition.ts';
import type { ApiRequest } from '../request/api-request.ts';
import type { PathHandler } from '../request/path-handler.ts';
import type { Query } from '../request/query.ts';
import type { ApiResult } from '../response/api-result.ts';

/** Documents that are made out of the registry: discovery, OpenAPI. */
export interface DocumentSource {
  /** `undefined` if the path is not one of its own. */
  handle(path: string, headers: DocumentHeaders, query: Query): DocumentResponse | undefined;
  /** To be called with what has come or gone, after each change of what is served. */
  invalidate(changed: readonly ResourceDefinition[]): void;
}

/** Serves documents with their ETags. */
export class DocumentPaths implements PathHandler {
  readonly #source: DocumentSource;

  constructor(source: DocumentSource) {
    this.#source = source;
  }

  async handle(request: ApiRequest): Promise<ApiResult | undefined> {
    const { method, path, query } = request;
    if (method !== 'GET' && method !== 'HEAD') return undefined;
    const response = this.#source.handle(path, request, query);
    if (!response) return undefined;
    const { status, headers, body, contentType, etag } = response;
    return { type: 'content', status, contentType, body, headers: { ...headers, ...(etag !== undefined && { ETag: etag }) } };
  }
}
