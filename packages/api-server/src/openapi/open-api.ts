import { parseAccept, takes } from '../discovery/accept.ts';
import { refusal } from '../discovery/discovery.ts';
import { EncodedDocument, type DocumentResponse } from '../discovery/document.ts';
import { groupVersionOf } from '../discovery/groups.ts';
import type { ResourceDefinition } from '../registry/resource-definition.ts';
import { encodeSwagger } from './gnostic.ts';
import { openApiV2, type SwaggerDocument } from './v2.ts';
import { openApiV3, type DocumentInfo } from './v3.ts';

export interface OpenApiOptions {
  /** What the documents say they describe. Default: Kubernetes, unversioned. */
  readonly info?: DocumentInfo;
}

const V2 = '/openapi/v2';
const V3 = '/openapi/v3';
/** Names under which the same bytes are asked for; answers carry the last, which is a media type by the rules. */
const V2_PROTOBUF = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf';
const V2_PROTOBUF_NAMES = ['application/com.github.proto-openapi.spec.v2@v1.0+protobuf', V2_PROTOBUF];

type V2Form = 'json' | 'protobuf';

/**
 * Serves OpenAPI: `/openapi/v3` lists a document for each version of a group, whose addresses carry their hashes; `/openapi/v2` is one
 * document for all, in JSON and in protobuf. Nothing is made before it is asked for; then its bytes are kept until `invalidate()`.
 */
export class OpenApi {
  readonly #definitions: () => readonly ResourceDefinition[];
  readonly #info: DocumentInfo;
  readonly #v2 = new Map<V2Form, EncodedDocument>();
  #v3: ReadonlyMap<string, EncodedDocument> | undefined;
  #index: EncodedDocument | undefined;

  constructor(definitions: () => readonly ResourceDefinition[], { info }: OpenApiOptions = {}) {
    this.#definitions = definitions;
    this.#info = info ?? { title: 'Kubernetes', version: 'unversioned' };
  }

  /** To be called after each change of what is served. */
  invalidate(): void {
    this.#v2.clear();
    this.#v3 = undefined;
    this.#index = undefined;
  }

  /** Answers a GET; `undefined` if there is no such document. */
  handle(
    path: string,
    query: URLSearchParams,
    { accept, acceptEncoding, ifNoneMatch }: OpenApiHeaders = {},
  ): DocumentResponse | undefined {
    const key = path.endsWith('/') ? path.slice(0, -1) : path;
    if (key === V2) return this.#answerV2(accept, acceptEncoding, ifNoneMatch);
    if (key !== V3 && !key.startsWith(`${V3}/`)) return undefined;
    if (!parseAccept(accept).some((entry) => takes(entry, 'application/json'))) return refusal();
    if (key === V3) return send(this.#indexDocument(), { acceptEncoding, ifNoneMatch });
    return this.#answerV3(key.slice(V3.length + 1), query.get('hash') ?? '', { acceptEncoding, ifNoneMatch });
  }

  #answerV2(accept: string | undefined, acceptEncoding: string | undefined, ifNoneMatch: string | undefined): DocumentResponse {
    const form = v2Form(accept);
    return form ? send(this.#v2Document(form), { acceptEncoding, ifNoneMatch }) : refusal();
  }

  #answerV3(name: string, hash: string, headers: Omit<OpenApiHeaders, 'accept'>): DocumentResponse | undefined {
    const document = this.#v3Documents().get(name);
    if (!document) return undefined;
    if (hash === '') return send(document, headers);
    if (hash !== document.hash) return redirect(addressOf(name, document));
    return send(document, headers, { 'Cache-Control': 'public, immutable, max-age=31536000' });
  }

  #v2Document(form: V2Form): EncodedDocument {
    const known = this.#v2.get(form);
    if (known) return known;
    const swagger: SwaggerDocument = openApiV2(this.#definitions(), this.#info);
    const document = form === 'json' ? EncodedDocument.json(swagger) : new EncodedDocument(encodeSwagger(swagger), V2_PROTOBUF);
    this.#v2.set(form, document);
    return document;
  }

  /** By `api/v1`, `apis/apps/v1`. */
  #v3Documents(): ReadonlyMap<string, EncodedDocument> {
    if (this.#v3) return this.#v3;
    const groups = Map.groupBy(this.#definitions(), ({ group, version }) => documentName(group, version));
    const names = [...groups.keys()].sort();
    this.#v3 = new Map(names.map((name) => [name, EncodedDocument.json(openApiV3(groups.get(name) ?? [], this.#info))]));
    return this.#v3;
  }

  #indexDocument(): EncodedDocument {
    const entries = [...this.#v3Documents()].map(([name, document]) => [name, { serverRelativeURL: addressOf(name, document) }]);
    this.#index ??= EncodedDocument.json({ paths: Object.fromEntries(entries) });
    return this.#index;
  }
}

/** What counts of a request's headers. */
export interface OpenApiHeaders {
  readonly accept?: string | undefined;
  readonly acceptEncoding?: string | undefined;
  readonly ifNoneMatch?: string | undefined;
}

function documentName(group: string, version: string): string {
  return `${group === '' ? 'api' : 'apis'}/${groupVersionOf(group, version)}`;
}

function addressOf(name: string, document: EncodedDocument): string {
  return `${V3}/${name}?hash=${document.hash}`;
}

function redirect(location: string): DocumentResponse {
  return { status: 301, body: Buffer.alloc(0), contentType: 'text/plain; charset=utf-8', headers: { Location: location } };
}

function send(
  document: EncodedDocument,
  { acceptEncoding, ifNoneMatch }: Omit<OpenApiHeaders, 'accept'>,
  headers: Readonly<Record<string, string>> = {},
): DocumentResponse {
  const varying = { ...headers, Vary: 'Accept-Encoding, Accept' };
  const response = document.respond(ifNoneMatch, varying);
  if (response.status !== 200 || !/\bgzip\b/.test(acceptEncoding ?? '')) return response;
  return { ...response, body: document.gzipped, headers: { ...varying, 'Content-Encoding': 'gzip' } };
}

function v2Form(accept: string | undefined): V2Form | undefined {
  for (const entry of parseAccept(accept)) {
    if (V2_PROTOBUF_NAMES.includes(entry.type)) return 'protobuf';
    if (takes(entry, 'application/json')) return 'json';
  }
  return undefined;
}
