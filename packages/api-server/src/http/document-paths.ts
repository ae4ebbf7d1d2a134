import type { DocumentResponse } from '../discovery/index.ts';
import type { ApiRequest } from '../request/api-request.ts';
import type { PathHandler } from '../request/path-handler.ts';
import type { ApiResult } from '../response/api-result.ts';

/** Documents that are made out of the registry: discovery, OpenAPI. */
export interface DocumentSource {
  /** `undefined` if the path is not one of its own. */
  handle(path: string, accept: string | undefined, ifNoneMatch: string | undefined): DocumentResponse | undefined;
  /** To be called after each change of what is served. */
  invalidate(): void;
}

/** Serves documents with their ETags. */
export class DocumentPaths implements PathHandler {
  readonly #source: DocumentSource;

  constructor(source: DocumentSource) {
    this.#source = source;
  }

  async handle({ method, path, accept, ifNoneMatch }: ApiRequest): Promise<ApiResult | undefined> {
    if (method !== 'GET' && method !== 'HEAD') return undefined;
    const response = this.#source.handle(path, accept, ifNoneMatch);
    if (!response) return undefined;
    const { status, headers, body, contentType, etag } = response;
    return { type: 'content', status, contentType, body, headers: { ...headers, ...(etag !== undefined && { ETag: etag }) } };
  }
}
