import type { ResourceDefinition } from '../registry/resource-definition.ts';
import type { ServedGroup } from './groups.ts';
import { listedVerbs, subresourcesByName } from './resource-lists.ts';

/** `APIGroupDiscoveryList`: all that there is to know of the groups, in one document. */
export function groupDiscoveryList(groups: readonly ServedGroup[], version: string): object {
  return {
    kind: 'APIGroupDiscoveryList',
    apiVersion: `apidiscovery.k8s.io/${version}`,
    metadata: {},
    items: groups.map(groupDiscovery),
  };
}

function groupDiscovery({ name, versions }: ServedGroup): object {
  return {
    metadata: name === '' ? {} : { name },
    versions: versions.map(({ version, definitions }) => ({
      version,
      resources: definitions.map(resourceDiscovery),
      freshness: 'Current',
    })),
  };
}

function resourceDiscovery(definition: ResourceDefinition): object {
  const { group, version, kind, resource, singular, namespaced, shortNames, categories } = definition;
  const subresources = subresourcesByName(definition.subresources);
  return {
    resource,
    responseKind: { group, version, kind },
    scope: namespaced ? 'Namespaced' : 'Cluster',
    singularResource: singular,
    verbs: listedVerbs(definition),
    ...(shortNames.length > 0 && { shortNames }),
    ...(categories.length > 0 && { categories }),
    ...(subresources.length > 0 && {
      subresources: subresources.map(([name, sub]) => ({
        subresource: name,
        responseKind: { group: sub.group ?? group, version: sub.version ?? version, kind: sub.kind },
        verbs: sub.verbs,
      })),
    }),
  };
}
