import { facts, type DefinitionFact, type ResourceFact } from './facts.ts';
import type { Kind } from './kind.ts';

interface Index {
  readonly byResource: ReadonlyMap<string, ResourceFact>;
  readonly byKind: ReadonlyMap<string, ResourceFact>;
}

let index: Index | undefined;

function indexed(): Index {
  index ??= {
    byResource: new Map(facts().resources.map((fact) => [`${fact.group}/${fact.version}/${fact.plural}`, fact])),
    byKind: new Map(facts().resources.map((fact) => [`${fact.group}/${fact.version}/${fact.kind}`, fact])),
  };
  return index;
}

/** The resource that a URL names; `undefined` if Kubernetes 1.36 has none. */
export function resourceOf(group: string, version: string, plural: string): ResourceFact | undefined {
  return indexed().byResource.get(`${group}/${version}/${plural}`);
}

/** The resource whose objects have this kind. */
export function resourceOfKind(group: string, version: string, kind: string): ResourceFact | undefined {
  return indexed().byKind.get(`${group}/${version}/${kind}`);
}

/** A resource of the tables as a `Kind`. */
export function kindOf({ group, version, kind, plural, namespaced }: ResourceFact): Kind {
  return { group, version, kind, resource: plural, namespaced };
}

/** The definition with this short name, such as `core.v1.Pod`. */
export function definitionOf(name: string): DefinitionFact | undefined {
  const { definitions, extraDefinitions } = facts();
  return definitions[name] ?? extraDefinitions[name];
}

/** `core.v1.Pod` as OpenAPI documents name it: `io.k8s.api.core.v1.Pod`. */
export function openApiName(definition: string): string {
  const { prefixes } = facts();
  for (const [short, full] of Object.entries(prefixes)) {
    if (short !== '(else)' && definition.startsWith(short)) return full + definition.slice(short.length);
  }
  return `${prefixes['(else)'] ?? ''}${definition}`;
}

/** True for what a server offers without being asked: all but alpha. */
export function isServedByDefault(resource: ResourceFact): boolean {
  return resource.stability !== 'alpha';
}
