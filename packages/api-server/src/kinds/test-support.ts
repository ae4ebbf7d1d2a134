import type { KubernetesObject } from '@keelson/api';
import type { Strategy, StrategyContext } from '../registry/strategy.ts';
import type { FieldError } from '../validation/field-error.ts';
import { strategyOf } from './index.ts';

/** Who asks in tests of strategies. */
export const CONTEXT: StrategyContext = { user: { name: 'alice', groups: [] }, nowMs: 0, dryRun: false, namespace: 'default' };

/** `field: message` of each error, as a client sees them. */
export function texts(errors: readonly FieldError[] | undefined): string[] {
  return (errors ?? []).map(({ field, message }) => `${field}: ${message}`);
}

/** A copy of `object` with its defaults. */
export function defaulted<T extends KubernetesObject>(group: string, object: T): T {
  const copy = structuredClone(object);
  strategyOf(group, object.kind ?? '').setDefaults?.(copy);
  return copy;
}

/** What is wrong with `object` once it has its defaults. */
export function problems(group: string, object: KubernetesObject): string[] {
  const strategy: Strategy = strategyOf(group, object.kind ?? '');
  const copy = defaulted(group, object);
  return texts([...(strategy.validate?.(copy, CONTEXT) ?? []), ...(strategy.validateCreate?.(copy, CONTEXT) ?? [])]);
}

/** What is wrong with changing `old` into `object`; both get their defaults. */
export function updateProblems(group: string, old: KubernetesObject, object: KubernetesObject): string[] {
  const strategy: Strategy = strategyOf(group, object.kind ?? '');
  const before = defaulted(group, old);
  const after = structuredClone(object);
  strategy.prepareForUpdate?.(after, before, CONTEXT);
  strategy.setDefaults?.(after);
  return texts([...(strategy.validate?.(after, CONTEXT) ?? []), ...(strategy.validateUpdate?.(after, before, CONTEXT) ?? [])]);
}
