import { definitionOf, type FieldFact } from '@keelson/api';
import { describeParameter } from './descriptions.ts';

export interface Parameter {
  readonly name: string;
  readonly in: 'query' | 'path';
  readonly type: 'string' | 'integer' | 'boolean';
  readonly description: string | undefined;
}

function query(names: Readonly<Record<string, Parameter['type']>>): readonly Parameter[] {
  return Object.entries(names).map(([name, type]) => ({ name, in: 'query', type, description: describeParameter(name) }));
}

export const PRETTY = query({ pretty: 'string' });
export const LIST = query({
  allowWatchBookmarks: 'boolean',
  continue: 'string',
  fieldSelector: 'string',
  labelSelector: 'string',
  limit: 'integer',
  resourceVersion: 'string',
  resourceVersionMatch: 'string',
  sendInitialEvents: 'boolean',
  timeoutSeconds: 'integer',
  watch: 'boolean',
});
export const WRITE = query({ dryRun: 'string', fieldManager: 'string', fieldValidation: 'string' });
export const PATCH = [...WRITE, ...query({ force: 'boolean' })];
export const DELETE = query({
  dryRun: 'string',
  gracePeriodSeconds: 'integer',
  ignoreStoreReadErrorWithClusterBreakingPotential: 'boolean',
  orphanDependents: 'boolean',
  propagationPolicy: 'string',
});
const NOT_FOR_COLLECTIONS = new Set(['watch', 'allowWatchBookmarks', 'dryRun']);
export const DELETE_COLLECTION = [...DELETE, ...LIST.filter(({ name }) => !NOT_FOR_COLLECTIONS.has(name))].sort((a, b) =>
  a.name < b.name ? -1 : 1,
);

export function pathParameter(name: string): Parameter {
  return { name, in: 'path', type: 'string', description: describeParameter(name) };
}

/** The fields of an options kind, such as `PodExecOptions`, as they are given in a query. */
export function optionParameters(definition: string): readonly Parameter[] {
  const fields = Object.entries(definitionOf(definition)?.fields ?? {}).filter(
    ([name]) => name !== 'kind' && name !== 'apiVersion',
  );
  return fields
    .map(([name, field]): Parameter => ({ name, in: 'query', type: queryType(field), description: describeParameter(name) }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

function queryType({ type }: FieldFact): Parameter['type'] {
  return type === 'integer' || type === 'boolean' ? type : 'string';
}
