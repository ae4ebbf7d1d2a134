import type { Strategy } from '../registry/strategy.ts';

/**
 * A field of a feature that is off by default: `spec.devices.*.taints`, where `*` stands for all items of a list or values of a map. A
 * client's value is dropped, unless the object has used the field before.
 */
export type DisabledField = string;

/** `strategy`, dropping fields that Kubernetes does not know by default. */
export function withoutFields(strategy: Strategy, fields: readonly DisabledField[]): Strategy {
  const paths = fields.map((field) => field.split('.'));
  return {
    ...strategy,
    prepareForCreate(object, context) {
      for (const path of paths) drop(object, path, 0);
      strategy.prepareForCreate?.(object, context);
    },
    prepareForUpdate(object, old, context) {
      for (const path of paths) {
        if (isUsed(object, path, 0) && !isUsed(old, path, 0)) drop(object, path, 0);
      }
      strategy.prepareForUpdate?.(object, old, context);
    },
  };
}

type Parts = Record<string, unknown>;

function isParts(value: unknown): value is Parts {
  return typeof value === 'object' && value !== null;
}

function isUsed(value: unknown, path: readonly string[], depth: number): boolean {
  const name = path[depth];
  if (name === undefined) return value !== undefined;
  if (!isParts(value)) return false;
  if (name === '*') return Object.values(value).some((part) => isUsed(part, path, depth + 1));
  return isUsed(value[name], path, depth + 1);
}

function drop(value: unknown, path: readonly string[], depth: number): void {
  const name = path[depth];
  if (name === undefined || !isParts(value)) return;
  if (depth === path.length - 1) delete value[name];
  else if (name === '*') Object.values(value).forEach((part) => drop(part, path, depth + 1));
  else drop(value[name], path, depth + 1);
}
