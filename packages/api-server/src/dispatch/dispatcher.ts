import { methodNotAllowed, unknownPath } from '@keelson/api';
import { KeelsonError } from '@keelson/base';
import type { ExtensionServers } from '../aggregation/extension-servers.ts';
import type { Authorizer } from '../auth/contracts.ts';
import type { ResourceDefinition } from '../registry/resource-definition.ts';
import type { VirtualResource } from '../registry/virtual-resource.ts';
import type { ApiRequest } from '../request/api-request.ts';
import type { PathHandler } from '../request/path-handler.ts';
import { parsePath, type RequestInfo } from '../request/request-info.ts';
import type { ApiResult } from '../response/api-result.ts';
import type { SubresourceConnector } from '../subresources/connector.ts';
import { serveSubresource } from '../subresources/serve-subresource.ts';
import type { Call, Services } from '../verbs/call.ts';
import { create } from '../verbs/create.ts';
import { deleteCollection } from '../verbs/delete-collection.ts';
import { deleteOne } from '../verbs/delete.ts';
import { get } from '../verbs/get.ts';
import { unsupportedOption } from '../verbs/invalid-options.ts';
import { list } from '../verbs/list.ts';
import { patch } from '../verbs/patch.ts';
import { update } from '../verbs/update.ts';
import { watch } from '../verbs/watch.ts';
import { admitConnection } from './admit-connection.ts';
import { authorizePath, authorizeResource } from './authorize.ts';
import { verbOf, type Verb } from './verb.ts';
import { serveVirtual } from './virtual.ts';

const VERBS: Readonly<Record<Verb, (call: Call) => Promise<ApiResult>>> = {
  get,
  list,
  watch,
  create,
  update,
  patch,
  delete: deleteOne,
  deletecollection: deleteCollection,
};

/** What a dispatcher hands requests to, beside the verbs. */
export interface Routes {
  readonly authorizer: Authorizer | undefined;
  /** Other API servers, who are asked for what is theirs. */
  readonly extensionServers: Pick<ExtensionServers, 'find'> | undefined;
  readonly pathHandlers: readonly PathHandler[];
  readonly connectors: readonly SubresourceConnector[];
  readonly virtualResources: readonly VirtualResource[];
}

/** Hot path: from a request to its result. */
export class Dispatcher {
  readonly #services: Services;
  readonly #routes: Routes;

  /** Both may be added to until the first request comes. */
  constructor(services: Services, routes: Routes) {
    this.#services = services;
    this.#routes = routes;
  }

  /** Rejects with what a Status can say. `warn` is called with texts for `Warning` headers. */
  async handle(request: ApiRequest, warn: (text: string) => void): Promise<ApiResult> {
    const info = parsePath(request.path);
    if (!info.isResource) return this.#handlePath(request);
    const verb = verbOf(request, info);
    await this.#authorize(request, info, verb ?? request.method.toLowerCase());
    const extension = this.#routes.extensionServers?.find(info.group, info.version);
    if (extension) return extension.connect(request);
    const definition = this.#services.registry.find(info.group, info.version, info.resource) ?? (await this.#findNew(info));
    if (!definition || !fitsScope(definition, info)) return this.#unknown(info);
    if (definition.deprecation !== undefined) warn(definition.deprecation);
    const connector = this.#connectorFor(info, definition);
    if (connector) {
      checkConnection(connector, definition, { info, verb });
      await admitConnection(this.#services, { request, info, definition, warn });
      return connector.connect({ request, info });
    }
    if (!verb) throw methodNotAllowed();
    return this.#handleResource(request, { info, verb, definition, warn });
  }

  /** A kind that has just been established, maybe through another server, is served at once. */
  async #findNew({ group, version, resource }: RequestInfo): Promise<ResourceDefinition | undefined> {
    const { customKinds, registry } = this.#services;
    if (!customKinds || !group.includes('.')) return undefined;
    await customKinds.fresh();
    return registry.find(group, version, resource);
  }

  /** Of a group that is served, a Status says so; other paths are nobody's. */
  #unknown({ group, version }: RequestInfo): ApiResult {
    const isServed = this.#services.registry.all().some((known) => known.group === group && known.version === version);
    if (isServed) throw unknownPath();
    return PAGE_NOT_FOUND;
  }

  async #authorize(request: ApiRequest, info: RequestInfo, verb: string): Promise<void> {
    const { authorizer } = this.#routes;
    if (authorizer) await authorizeResource(authorizer, request, { info, verb });
  }

  async #handlePath(request: ApiRequest): Promise<ApiResult> {
    const { authorizer, pathHandlers } = this.#routes;
    if (authorizer) await authorizePath(authorizer, request);
    for (const handler of pathHandlers) {
      const result = await handler.handle(request);
      if (result) return result;
    }
    return PAGE_NOT_FOUND;
  }

  async #handleResource(
    request: ApiRequest,
    {
      info,
      verb,
      definition,
      warn,
    }: { info: RequestInfo; verb: Verb; definition: ResourceDefinition; warn: (text: string) => void },
  ): Promise<ApiResult> {
    const namespace = definition.namespaced ? info.namespace : undefined;
    const authorize = (also: string): Promise<void> => this.#authorize(request, info, also);
    const { user } = request;
    const address = { services: this.#services, request, info, definition, user, namespace, name: info.name ?? '', authorize };
    if (!definition.storage) return serveVirtual(this.#routes.virtualResources, { ...address, warn }, verb);
    const storage = this.#services.storages.of(definition);
    const call: Call = { ...address, storage, dryRun: isDryRun(request), warn };
    if (info.subresource !== undefined) return serveSubresource(call, verb);
    checkVerb(definition, info, verb);
    return VERBS[verb](call);
  }

  #connectorFor({ subresource }: RequestInfo, { group, resource }: ResourceDefinition): SubresourceConnector | undefined {
    if (subresource === undefined || group !== '') return undefined;
    const wanted = `${resource}/${subresource}`;
    return this.#routes.connectors.find(({ subresources }) => subresources.includes(wanted));
  }
}

function notWhileTerminating(): KeelsonError {
  const message = 'create not allowed while custom resource definition is terminating';
  return new KeelsonError('MethodNotAllowed', message, { details: {} });
}

const PAGE_NOT_FOUND: ApiResult = {
  type: 'content',
  status: 404,
  contentType: 'text/plain; charset=utf-8',
  body: '404 page not found\n',
  headers: { 'X-Content-Type-Options': 'nosniff' },
};

/** Throws unless the connector takes that method. */
function checkConnection(
  { anyMethod }: SubresourceConnector,
  { subresources }: ResourceDefinition,
  { info, verb }: { readonly info: RequestInfo; readonly verb: Verb | undefined },
): void {
  const { verbs = [] } = subresources[info.subresource ?? ''] ?? {};
  if (anyMethod !== true && !verbs.includes(verb ?? '')) throw methodNotAllowed();
}

/** A namespace in the path only fits kinds that are in one, and an object of theirs has none without. */
function fitsScope(definition: ResourceDefinition, info: RequestInfo): boolean {
  if (!definition.namespaced) return info.namespace === undefined;
  return info.namespace !== undefined || info.name === undefined;
}

function checkVerb(definition: ResourceDefinition, info: RequestInfo, verb: Verb): void {
  if (!definition.verbs.includes(verb)) throw methodNotAllowed();
  if (verb === 'create' && definition.terminating === true) throw notWhileTerminating();
  const needsNamespace = verb === 'create' || verb === 'deletecollection';
  if (needsNamespace && definition.namespaced && info.namespace === undefined) throw methodNotAllowed();
  const takesCollection = verb === 'create' || verb === 'list' || verb === 'deletecollection';
  const takesEither = verb === 'watch';
  if (!takesEither && takesCollection !== (info.name === undefined)) throw methodNotAllowed();
}

function isDryRun(request: ApiRequest): boolean {
  if (request.method === 'GET' || !request.query.has('dryRun')) return false;
  const values = request.query.all('dryRun').filter((value) => value !== '');
  if (values.length === 0) return false;
  if (values.every((value) => value === 'All')) return true;
  throw unsupportedOption(request, 'dryRun', { value: values, supported: ['All'] });
}
