import { facts, resourceOf, type SubresourceFact } from '@keelson/api';
import type { ResourceDefinition } from '../registry/resource-definition.ts';
import { listNameOf } from './list-name.ts';
import { patchTypes } from './media-types.ts';
import {
  DELETE,
  DELETE_COLLECTION,
  LIST,
  optionParameters,
  PATCH,
  pathParameter,
  PRETTY,
  WRITE,
  type Parameter,
} from './parameters.ts';

export type Method = 'get' | 'put' | 'post' | 'delete' | 'patch';

/** One call that the server takes, in words of neither version of OpenAPI. */
export interface Operation {
  readonly method: Method;
  readonly id: string;
  readonly tag: string;
  readonly action: string;
  readonly target: { readonly group: string; readonly version: string; readonly kind: string };
  readonly parameters: readonly Parameter[];
  /** Definition of the body. */
  readonly body: string | undefined;
  /** Media types of the body. */
  readonly consumes: readonly string[];
  /** Definition of the answer; a stream or text without. */
  readonly answer: string | undefined;
  readonly codes: readonly number[];
  readonly deprecated: boolean;
}

export interface PathItem {
  readonly path: string;
  readonly parameters: readonly Parameter[];
  readonly operations: readonly Operation[];
}

const STATUS = 'meta.v1.Status';
const OPTIONS = 'meta.v1.DeleteOptions';
const PATCH_BODY = 'meta.v1.Patch';

/** Every path of the resource. */
export function pathsOf(definition: ResourceDefinition): PathItem[] {
  const maker = new PathMaker(definition);
  return [...maker.collection(), ...maker.item(), ...maker.subresources(), ...maker.legacyWatches()].filter(
    ({ operations }) => operations.length > 0,
  );
}

/** `core` and `Core`, `rbacAuthorization` and `RbacAuthorization`: a group in names of operations. */
export function groupTitle(group: string): string {
  const words = (group === '' ? 'core' : group.replace(/\.k8s\.io$/, '')).split(/[.-]/);
  return words.map(capital).join('');
}

function capital(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}

let kinds: Map<string, string> | undefined;

/** The definition of a kind, by its group, version and kind. */
function definitionOfKind(group: string, version: string, kind: string): string | undefined {
  kinds ??= new Map(
    Object.entries(facts().definitions).flatMap(([name, { gvk = [] }]) => gvk.map((text) => [text, name] as const)),
  );
  return kinds.get(`${group}/${version}/${kind}`);
}

class PathMaker {
  readonly #definition: ResourceDefinition;
  readonly #base: string;
  readonly #title: string;
  readonly #tag: string;
  readonly #scope: string;

  constructor(definition: ResourceDefinition) {
    const { group, version, namespaced } = definition;
    const title = groupTitle(group);
    this.#definition = definition;
    this.#base = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
    this.#title = title + capital(version);
    this.#tag = `${title.charAt(0).toLowerCase()}${title.slice(1)}_${version}`;
    this.#scope = namespaced ? 'Namespaced' : '';
  }

  collection(): PathItem[] {
    const { kind, namespaced, resource, schema } = this.#definition;
    const operations: Operation[] = [];
    const name = `${this.#scope}${kind}`;
    if (this.#has('list')) operations.push(this.#list(`list${this.#title}${name}`));
    if (this.#has('create'))
      operations.push(this.#write('post', `create${this.#title}${name}`, { body: schema.name, codes: [200, 201, 202] }));
    if (this.#has('deletecollection')) operations.push(this.#deleteCollection(`delete${this.#title}Collection${name}`));
    const own = this.#item(this.#path(resource), operations);
    if (!namespaced || !this.#has('list')) return [own];
    const everywhere = this.#item(`${this.#base}/${resource}`, [this.#list(`list${this.#title}${kind}ForAllNamespaces`)]);
    return [everywhere, own];
  }

  item(): PathItem[] {
    const { kind, resource, schema, verbs } = this.#definition;
    const operations = this.#readAndWrite(verbs, `${this.#scope}${kind}`, schema.name);
    if (this.#has('delete')) operations.push(this.#delete(`delete${this.#title}${this.#scope}${kind}`));
    return [this.#item(`${this.#path(resource)}/{name}`, operations)];
  }

  subresources(): PathItem[] {
    const entries = Object.entries(this.#definition.subresources).sort(([a], [b]) => (a < b ? -1 : 1));
    return entries.flatMap(([name, fact]) => (fact.connect ? this.#connections(name, fact) : [this.#subresource(name, fact)]));
  }

  legacyWatches(): PathItem[] {
    if (!this.#has('watch')) return [];
    const { kind, resource, namespaced } = this.#definition;
    const watch = (path: string, id: string, action: string): PathItem => ({
      path,
      parameters: [...LIST, ...pathParametersOf(path), ...PRETTY],
      operations: [this.#operation({ method: 'get', id, action, answer: 'meta.v1.WatchEvent', codes: [200], deprecated: true })],
    });
    const root = `${this.#base}/watch`;
    const own = `${root}${namespaced ? '/namespaces/{namespace}' : ''}/${resource}`;
    const name = `watch${this.#title}${this.#scope}${kind}`;
    return [
      ...(namespaced ? [watch(`${root}/${resource}`, `watch${this.#title}${kind}ListForAllNamespaces`, 'watchlist')] : []),
      watch(own, `${name}List`, 'watchlist'),
      watch(`${own}/{name}`, name, 'watch'),
    ];
  }

  #subresource(name: string, fact: SubresourceFact): PathItem {
    const { group, version, kind } = this.#definition;
    const target = { group: fact.group ?? group, version: fact.version ?? version, kind: fact.kind };
    const id = `${this.#scope}${kind}${capital(name)}`;
    const path = `${this.#path(this.#definition.resource)}/{name}/${name}`;
    if (name === 'log') {
      const parameters = optionParameters('core.v1.PodLogOptions');
      return this.#item(path, [
        this.#operation({ method: 'get', id: `read${this.#title}${id}`, action: 'get', target, parameters, codes: [200] }),
      ]);
    }
    const definition = definitionOfKind(target.group, target.version, target.kind) ?? this.#definition.schema.name;
    const operations = this.#readAndWrite(fact.verbs, id, definition, target);
    if (fact.verbs.includes('create')) {
      operations.push(this.#write('post', `create${this.#title}${id}`, { body: definition, codes: [200, 201, 202], target }));
    }
    return this.#item(path, operations);
  }

  #connections(name: string, fact: SubresourceFact): PathItem[] {
    const { group, version, kind, resource, schema } = this.#definition;
    const parameters = optionParameters(schema.name.replace(kind, fact.kind));
    const methods = fact.verbs.map(methodOfVerb);
    const connect = (method: Method, suffix: string) =>
      this.#operation({
        method,
        id: `connect${this.#title}${capital(method)}${this.#scope}${kind}${capital(name)}${suffix}`,
        action: 'connect',
        target: { group, version, kind: fact.kind },
        codes: [200],
      });
    const path = `${this.#path(resource)}/{name}/${name}`;
    const item = (at: string, suffix: string): PathItem => ({
      path: at,
      parameters: [...parameters, ...pathParametersOf(at)],
      operations: methods.map((method) => connect(method, suffix)),
    });
    return name === 'proxy' ? [item(path, ''), item(`${path}/{path}`, 'WithPath')] : [item(path, '')];
  }

  #readAndWrite(verbs: readonly string[], id: string, definition: string, target?: Operation['target']): Operation[] {
    const operations: Operation[] = [];
    const aimed = target ? { target } : {};
    if (verbs.includes('get')) {
      operations.push(
        this.#operation({
          method: 'get',
          id: `read${this.#title}${id}`,
          action: 'get',
          answer: definition,
          codes: [200],
          ...aimed,
        }),
      );
    }
    if (verbs.includes('update'))
      operations.push(this.#write('put', `replace${this.#title}${id}`, { body: definition, codes: [200, 201], ...aimed }));
    if (verbs.includes('patch')) {
      operations.push(
        this.#write('patch', `patch${this.#title}${id}`, { body: PATCH_BODY, answer: definition, codes: [200, 201], ...aimed }),
      );
    }
    return operations;
  }

  #list(id: string): Operation {
    const { group, version, resource } = this.#definition;
    const answer = resourceOf(group, version, resource)?.list ?? listNameOf(this.#definition);
    return this.#operation({ method: 'get', id, action: 'list', parameters: LIST, answer, codes: [200] });
  }

  #write(method: 'post' | 'put' | 'patch', id: string, more: Pick<Operation, 'codes'> & Partial<Operation>): Operation {
    const parameters = method === 'patch' ? PATCH : WRITE;
    return this.#operation({ method, id, action: method, parameters, answer: more.body, ...more });
  }

  #delete(id: string): Operation {
    return this.#operation({
      method: 'delete',
      id,
      action: 'delete',
      parameters: DELETE,
      body: OPTIONS,
      answer: STATUS,
      codes: [200, 202],
    });
  }

  #deleteCollection(id: string): Operation {
    const parameters = DELETE_COLLECTION;
    return this.#operation({
      method: 'delete',
      id,
      action: 'deletecollection',
      parameters,
      body: OPTIONS,
      answer: STATUS,
      codes: [200],
    });
  }

  #operation(given: Pick<Operation, 'method' | 'id' | 'action' | 'codes'> & Partial<Operation>): Operation {
    const { group, version, kind, schema } = this.#definition;
    return {
      tag: this.#tag,
      consumes: given.body === PATCH_BODY ? patchTypes(schema.mergeKeys !== undefined) : ['*/*'],
      target: { group, version, kind },
      parameters: [],
      body: undefined,
      answer: undefined,
      deprecated: false,
      ...given,
    };
  }

  #item(path: string, operations: readonly Operation[]): PathItem {
    return { path, parameters: [...pathParametersOf(path), ...PRETTY], operations };
  }

  #path(resource: string): string {
    return `${this.#base}${this.#definition.namespaced ? '/namespaces/{namespace}' : ''}/${resource}`;
  }

  #has(verb: string): boolean {
    return this.#definition.verbs.includes(verb);
  }
}

function pathParametersOf(path: string): Parameter[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => pathParameter(name));
}

function methodOfVerb(verb: string): Method {
  switch (verb) {
    case 'create':
      return 'post';
    case 'update':
      return 'put';
    case 'patch':
    case 'delete':
      return verb;
    default:
      return 'get';
  }
}
