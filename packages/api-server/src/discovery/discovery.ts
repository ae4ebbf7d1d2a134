import { notAcceptable, statusOf } from '@keelson/api';
import type { ResourceDefinition } from '../registry/resource-definition.ts';
import { parseAccept, takes, type AcceptedType } from './accept.ts';
import { groupDiscoveryList } from './aggregated.ts';
import { EncodedDocument, type DocumentHeaders, type DocumentResponse } from './document.ts';
import { groupVersionOf, servedGroups, type ServedGroup } from './groups.ts';
import { apiGroup, apiGroupList, apiResourceList, apiVersions } from './resource-lists.ts';

export interface DiscoveryOptions {
  /** `HOST:PORT` that clients should use. Asked each time that documents are made. */
  readonly serverAddress?: () => string;
}

type Form = 'plain' | 'v2' | 'v2beta1';

/** Paths that are served beside the API's own. */
const OTHER_PATHS = [
  '/.well-known/openid-configuration',
  '/healthz',
  '/livez',
  '/metrics',
  '/openapi/v2',
  '/openapi/v3',
  '/openapi/v3/',
  '/openid/v1/jwks',
  '/readyz',
  '/version',
];

/**
 * Tells clients what is served: `/`, `/api`, `/apis`, and the groups and versions under them; the first two also in the aggregated form
 * (`apidiscovery.k8s.io`), with an ETag. Documents are made when first asked for and kept until `invalidate()`.
 */
export class Discovery {
  readonly #definitions: () => readonly ResourceDefinition[];
  readonly #serverAddress: () => string;
  readonly #documents = new Map<string, EncodedDocument>();
  #groups: readonly ServedGroup[] | undefined;

  constructor(definitions: () => readonly ResourceDefinition[], { serverAddress = () => '' }: DiscoveryOptions = {}) {
    this.#definitions = definitions;
    this.#serverAddress = serverAddress;
  }

  /** To be called after each change of what is served. */
  invalidate(): void {
    this.#documents.clear();
    this.#groups = undefined;
  }

  /** Answers a GET; `undefined` if the path is not one of discovery's, or names a group or version that is not served. */
  handle(path: string, { accept, ifNoneMatch }: DocumentHeaders = {}): DocumentResponse | undefined {
    const key = path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;
    const isRoot = key === '/api' || key === '/apis';
    if (key !== '/' && !isRoot && !key.startsWith('/api/') && !key.startsWith('/apis/')) return undefined;
    const form = formOf(accept, isRoot);
    const document = this.#document(key, form ?? 'plain');
    if (!document) return undefined;
    if (!form) return refusal();
    const response = document.respond(ifNoneMatch, form === 'plain' ? {} : { 'Cache-Control': 'public' });
    return response;
  }

  #document(path: string, form: Form): EncodedDocument | undefined {
    const key = `${form} ${path}`;
    const known = this.#documents.get(key);
    if (known) return known;
    const value = this.#value(path, form);
    if (!value) return undefined;
    const parameters = form === 'plain' ? '' : `;g=apidiscovery.k8s.io;v=${form};as=APIGroupDiscoveryList`;
    const document = EncodedDocument.json(value, `application/json${parameters}`);
    this.#documents.set(key, document);
    return document;
  }

  #value(path: string, form: Form): object | undefined {
    this.#groups ??= servedGroups(this.#definitions());
    const groups = this.#groups;
    if (path === '/') return { paths: indexPaths(groups) };
    if (form !== 'plain')
      return groupDiscoveryList(
        groups.filter(({ name }) => (name === '') === (path === '/api')),
        form,
      );
    if (path === '/api') return apiVersions(groups, this.#serverAddress());
    if (path === '/apis') return apiGroupList(groups);
    return groupDocument(path, groups);
  }
}

function groupDocument(path: string, groups: readonly ServedGroup[]): object | undefined {
  const [, root, ...rest] = path.split('/');
  const [name = '', version, more] = root === 'api' ? ['', ...rest] : rest;
  const group = groups.find((each) => each.name === name);
  if (!group || more !== undefined || (root === 'apis' && name === '')) return undefined;
  if (version === undefined) return apiGroup(group);
  const served = group.versions.find((each) => each.version === version);
  return served && apiResourceList(name, served);
}

function indexPaths(groups: readonly ServedGroup[]): string[] {
  const ofGroups = groups.flatMap(({ name, versions }) => {
    const root = name === '' ? '/api' : '/apis';
    const paths = versions.map(({ version }) => `${root}/${groupVersionOf(name, version)}`);
    return name === '' ? paths : [`${root}/${name}`, ...paths];
  });
  return ['/api', '/apis', '/apis/', ...ofGroups, ...OTHER_PATHS].sort();
}

/** `undefined` if the client takes none of the forms. */
function formOf(accept: string | undefined, canAggregate: boolean): Form | undefined {
  for (const entry of parseAccept(accept)) {
    const form = entryForm(entry, canAggregate);
    if (form) return form;
  }
  return undefined;
}

function entryForm(entry: AcceptedType, canAggregate: boolean): Form | undefined {
  if (!takes(entry, 'application/json')) return undefined;
  const { parameters } = entry;
  const as = parameters.get('as');
  if (as === undefined) return 'plain';
  const version = parameters.get('v');
  const isAggregated = as === 'APIGroupDiscoveryList' && parameters.get('g') === 'apidiscovery.k8s.io';
  return canAggregate && isAggregated && (version === 'v2' || version === 'v2beta1') ? version : undefined;
}

/** 406, as a Status. */
export function refusal(): DocumentResponse {
  const status = statusOf(notAcceptable(['application/json']));
  return { status: 406, body: Buffer.from(JSON.stringify(status)), contentType: 'application/json' };
}
