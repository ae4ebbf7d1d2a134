import type { KubernetesObject } from '@keelson/api';
import type { ScalePaths } from '../registry/resource-definition.ts';
import { valueAt } from '../subresources/scale-paths.ts';
import { invalidValue } from '../validation/errors.ts';
import type { FieldError } from '../validation/field-error.ts';

const MAX_INT32 = 2_147_483_647;

/** The wanted replicas, if the kind can be scaled, must be what a Scale can say. */
export function scaleSpecErrors(object: Readonly<KubernetesObject>, scale: ScalePaths | undefined): readonly FieldError[] {
  return scale ? replicaErrors(object, scale.specReplicasPath) : [];
}

/** And so the observed ones, and the selector. */
export function scaleStatusErrors(object: Readonly<KubernetesObject>, scale: ScalePaths | undefined): readonly FieldError[] {
  if (!scale) return [];
  const { labelSelectorPath: path, statusReplicasPath } = scale;
  const selector = path === undefined || path === '' ? undefined : valueAt(object, path);
  const isText = selector === undefined || typeof selector === 'string';
  return [
    ...replicaErrors(object, statusReplicasPath),
    ...(isText ? [] : [invalidValue(path ?? '', '', accessorText(path ?? '', selector, 'string'))]),
  ];
}

function replicaErrors(object: Readonly<KubernetesObject>, path: string): FieldError[] {
  const value = valueAt(object, path);
  if (value === undefined) return [];
  if (!Number.isInteger(value)) return [invalidValue(path, 0, accessorText(path, value, 'int64'))];
  if (Number(value) < 0) return [invalidValue(path, value, 'should be a non-negative integer')];
  return Number(value) > MAX_INT32 ? [invalidValue(path, value, `should be less than or equal to ${MAX_INT32}`)] : [];
}

function accessorText(path: string, value: unknown, wanted: string): string {
  return `${path} accessor error: ${JSON.stringify(value)} is of the type ${typeof value}, expected ${wanted}`;
}
