import type { APIResource, APIResourceList } from '@keelson/api/meta/v1';
import { virtualKind } from '../custom/virtual-kind.ts';
import type { ResourceDefinition } from '../registry/resource-definition.ts';

/** The kinds in the discovery document of another server, as far as discovery tells of them. None of what makes no sense. */
export function remoteDefinitions(group: string, version: string, list: Partial<APIResourceList>): ResourceDefinition[] {
  const resources = (list.resources ?? []).filter(({ name, kind }) => isText(name) && isText(kind));
  return resources.filter(({ name }) => !name.includes('/')).map((resource) => definitionOf(group, version, resource, resources));
}

function definitionOf(group: string, version: string, resource: APIResource, all: readonly APIResource[]): ResourceDefinition {
  const { name, kind, singularName = '', namespaced, shortNames = [], categories = [], verbs = [] } = resource;
  const parts = all.filter((each) => each.name.startsWith(`${name}/`));
  const base = virtualKind({
    group,
    version,
    kind,
    resource: name,
    singular: singularName,
    shortNames,
    namespaced,
    verbs: [],
    schema: {},
  });
  return {
    ...base,
    categories,
    verbs: verbs.toSorted(),
    subresources: Object.fromEntries(parts.map((part) => [part.name.slice(name.length + 1), subresourceOf(part)])),
  };
}

function subresourceOf({ kind, verbs = [], group, version }: APIResource): ResourceDefinition['subresources'][string] {
  return { kind, verbs, ...(isText(group) && { group }), ...(isText(version) && { version }) };
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}
