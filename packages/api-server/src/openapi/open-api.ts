import { parseAccept, takes } from '../discovery/accept.ts';
import { refusal } from '../discovery/discovery.ts';
import { EncodedDocument, type DocumentHeaders, type DocumentResponse } from '../discovery/document.ts';
import { groupVersionOf } from '../discovery/groups.ts';
import { takesGzip } from '../http/compression.ts';
import type { ResourceDefinition } from '../registry/resource-definition.ts';
import { Query } from '../request/query.ts';
import { createHash } from 'node:crypto';
import { encodeSwagger } from './gnostic.ts';
import { openApiV2, type SwaggerDocument } from './v2.ts';
import { discoveryV3, openApiV3, type DocumentInfo } from './v3.ts';

export interface OpenApiOptions {
  /** What the documents say they describe. Default: Kubernetes, unversioned. */
  readonly info?: DocumentInfo;
  /** Addresses of v3 documents that others serve, by their names in the list. */
  readonly others?: () => ReadonlyMap<string, string>;
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
  readonly #others: () => ReadonlyMap<string, string>;
  readonly #v2 = new Map<V2Form, EncodedDocument>();
  /** By `api/v1`, `apis/apps/v1`. */
  readonly #v3 = new Map<string, EncodedDocument>();
  /** What changes with a document, and may be known without it. */
  readonly #hashes = new Map<string, string>();
  #names: ReadonlyMap<string, readonly ResourceDefinition[]> | undefined;
  #index: EncodedDocument | undefined;

  constructor(definitions: () => readonly ResourceDefinition[], { info, others = () => new Map() }: OpenApiOptions = {}) {
    this.#definitions = definitions;
    this.#others = others;
    this.#info = info ?? { title: 'Kubernetes', version: 'unversioned' };
  }

  /** To be called after each change of what is served; documents of other groups and versions are kept. */
  invalidate(changed: readonly ResourceDefinition[]): void {
    this.#v2.clear();
    for (const { group, version } of changed) {
      this.#v3.delete(documentName(group, version));
      this.#hashes.delete(documentName(group, version));
    }
    this.#names = undefined;
    this.#index = undefined;
  }

  /** Answers a GET; `undefined` if there is no such document. */
  handle(path: string, headers: DocumentHeaders = {}, query: Query = Query.EMPTY): DocumentResponse | undefined {
    const key = path.endsWith('/') ? path.slice(0, -1) : path;
    if (key === V2) return this.#answerV2(headers);
    if (key !== V3 && !key.startsWith(`${V3}/`)) return undefined;
    if (!parseAccept(headers.accept).some((entry) => takes(entry, 'application/json'))) return refusal();
    if (key === V3) return send(this.#indexDocument(), headers);
    return this.#answerV3(key.slice(V3.length + 1), query.get('hash'), headers);
  }

  #answerV2(headers: DocumentHeaders): DocumentResponse {
    const form = v2Form(headers.accept);
    return form ? send(this.#v2Document(form), headers) : refusal();
  }

  #answerV3(name: string, hash: string | undefined, headers: DocumentHeaders): DocumentResponse | undefined {
    const document = this.#v3Document(name);
    if (!document) return undefined;
    if (hash === undefined) return send(document, headers);
    const current = this.#hashOf(name, () => document);
    if (hash !== current) return redirect(addressOf(name, current));
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

  #v3Document(name: string): EncodedDocument | undefined {
    const known = this.#v3.get(name);
    if (known) return known;
    const made = this.#makeV3(name);
    if (!made) return undefined;
    const document = EncodedDocument.json(made);
    this.#v3.set(name, document);
    return document;
  }

  #makeV3(name: string): object | undefined {
    const definitions = this.#groups().get(name);
    if (definitions) return openApiV3(definitions, this.#info);
    const answer = this.#roots().get(name);
    return answer === undefined ? undefined : discoveryV3(`/${name}/`, this.#info, answer);
  }

  /** Hundreds of custom kinds must not be described only to be listed. */
  #hashOf(name: string, documentOf: () => EncodedDocument | undefined): string {
    const known = this.#hashes.get(name);
    if (known !== undefined) return known;
    const hash = fingerprintOf(this.#groups().get(name) ?? [], this.#info) ?? documentOf()?.hash ?? '';
    this.#hashes.set(name, hash);
    return hash;
  }

  /** Documents for the paths above groups, with what those answer; the groups of custom kinds have none. */
  #roots(): ReadonlyMap<string, string> {
    const groups = new Set(this.#definitions().flatMap(({ group, schema }) => (schema.openApi ? [] : [group])));
    groups.delete('');
    const ofGroups = [...groups].map((group) => [`apis/${group}`, 'meta.v1.APIGroup'] as const);
    return new Map([
      ['api', 'meta.v1.APIVersions'],
      ['apis', 'meta.v1.APIGroupList'],
      ...ofGroups,
      ['version', 'pkg.version.Info'],
    ]);
  }

  #groups(): ReadonlyMap<string, readonly ResourceDefinition[]> {
    this.#names ??= Map.groupBy(this.#definitions(), ({ group, version }) => documentName(group, version));
    return this.#names;
  }

  #indexDocument(): EncodedDocument {
    if (this.#index) return this.#index;
    const paths: Record<string, { serverRelativeURL: string }> = {};
    for (const name of [...this.#groups().keys(), ...this.#roots().keys()].sort()) {
      const hash = this.#hashOf(name, () => this.#v3Document(name));
      paths[name] = { serverRelativeURL: addressOf(name, hash) };
    }
    for (const [name, serverRelativeURL] of this.#others()) paths[name] = { serverRelativeURL };
    this.#index = EncodedDocument.json({ paths });
    return this.#index;
  }
}

function documentName(group: string, version: string): string {
  return `${group === '' ? 'api' : 'apis'}/${groupVersionOf(group, version)}`;
}

function addressOf(name: string, hash: string): string {
  return `${V3}/${name}?hash=${hash}`;
}

/** Changes with the document of these kinds; `undefined` if that cannot be told without the document. */
function fingerprintOf(definitions: readonly ResourceDefinition[], info: DocumentInfo): string | undefined {
  const hash = createHash('sha256').update(JSON.stringify(info));
  for (const { schema, strategy: _strategy, storage: _storage, columns: _columns, scale: _scale, ...names } of definitions) {
    if (schema.fingerprint === undefined) return undefined;
    hash.update(JSON.stringify([names, schema.fingerprint]));
  }
  return definitions.length === 0 ? undefined : hash.digest('hex').toUpperCase();
}

function redirect(location: string): DocumentResponse {
  return { status: 301, body: Buffer.alloc(0), contentType: 'text/plain; charset=utf-8', headers: { Location: location } };
}

function send(
  document: EncodedDocument,
  { acceptEncoding, ifNoneMatch }: DocumentHeaders,
  headers: Readonly<Record<string, string>> = {},
): DocumentResponse {
  const varying = { ...headers, Vary: 'Accept-Encoding, Accept' };
  const response = document.respond(ifNoneMatch, varying);
  if (response.status !== 200 || !takesGzip(acceptEncoding)) return response;
  return { ...response, body: document.gzipped, headers: { ...varying, 'Content-Encoding': 'gzip' } };
}

function v2Form(accept: string | undefined): V2Form | undefined {
  for (const entry of parseAccept(accept)) {
    if (V2_PROTOBUF_NAMES.includes(entry.type)) return 'protobuf';
    if (takes(entry, 'application/json')) return 'json';
  }
  return undefined;
}
