import { facts, isServedByDefault, type ResourceFact } from '@keelson/api';
import { strategyOf } from '../kinds/index.ts';
import { deprecationOf } from './deprecation.ts';
import { tableSchema } from './kind-schema.ts';
import type { ResourceDefinition } from './resource-definition.ts';
import type { Strategy } from './strategy.ts';

export interface BuiltinOptions {
  /** Serve alpha kinds too. */
  readonly alpha?: boolean;
  /** Strategies that go before the built-in ones, such as those that allocate. */
  readonly strategies?: (group: string, kind: string) => Strategy | undefined;
}

/** Every kind of Kubernetes' own API. */
export function builtinDefinitions(options: BuiltinOptions = {}): ResourceDefinition[] {
  const served = facts().resources.filter((fact) => options.alpha === true || isServedByDefault(fact));
  return served.map((fact) => definitionOfFact(fact, options));
}

function definitionOfFact(fact: ResourceFact, options: BuiltinOptions): ResourceDefinition {
  const { group, version, kind } = fact;
  return {
    group,
    version,
    kind,
    listKind: `${kind}List`,
    resource: fact.plural,
    singular: fact.singular,
    shortNames: fact.shortNames ?? [],
    categories: fact.categories ?? [],
    namespaced: fact.namespaced,
    verbs: fact.verbs,
    subresources: fact.subresources ?? {},
    schema: tableSchema(fact.def),
    columns: fact.columns ?? [],
    fieldSelectors: fact.fieldSelectors ?? ['metadata.name', 'metadata.namespace'],
    storage: storageOf(fact),
    strategy: options.strategies?.(group, kind) ?? strategyOf(group, kind),
    deprecation: deprecationOf(fact),
  };
}

function storageOf(fact: ResourceFact): ResourceDefinition['storage'] {
  if (fact.storageVersion === null || fact.storageVersion === undefined) return undefined;
  // Both groups of events are one resource.
  if (fact.kind === 'Event') return { group: '', version: 'v1', prefix: 'events' };
  const group = fact.storageGroup ?? fact.group;
  return { group, version: fact.storageVersion, prefix: fact.etcdPrefix ?? fact.plural };
}
