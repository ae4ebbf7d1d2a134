import { deepEqual, isQualifiedName, type KubernetesObject } from '@keelson/api';
import type { Strategy } from '../registry/strategy.ts';
import type { ScalePaths } from '../registry/resource-definition.ts';
import { setSchemaDefaults } from '../structural/defaults.ts';
import type { Before } from '../structural/correlation.ts';
import { validateEmbedded } from '../structural/embedded.ts';
import { validateListKeys } from '../structural/list-keys.ts';
import { RULE_COST_BUDGET } from '../structural/rules.ts';
import { propertyOf } from '../structural/structural-schema.ts';
import { validateSchema } from '../structural/validate.ts';
import { invalidValue } from '../validation/errors.ts';
import type { FieldError } from '../validation/field-error.ts';
import type { CustomSchema } from './custom-schema.ts';
import { scaleSpecErrors, scaleStatusErrors } from './scale-validation.ts';

/** What a custom kind's schema says of writing its objects. */
export function customStrategy(schema: CustomSchema, scale: ScalePaths | undefined): Strategy {
  return {
    load: () => schema.loadRules(),
    setDefaults: (object) => setSchemaDefaults(object, schema.root),
    statusMetadata: [],
    validate(object, _context, old) {
      const errors = [
        ...validateSchema(schema.root, object, { before: beforeOf(old) }),
        ...scaleSpecErrors(object, scale),
        ...scaleStatusErrors(object, scale),
        ...validateEmbedded(schema.root, object),
        ...keyErrors(schema, object, old),
      ];
      return [...errors, ...ruleErrors(schema, { object, old, errors })];
    },
    validateStatusUpdate(object, old) {
      const errors = [
        ...statusErrors(schema, object, old),
        ...scaleStatusErrors(object, scale),
        ...keyErrors(schema, object, old),
      ];
      return [...errors, ...ruleErrors(schema, { object, old, errors })];
    },
    warnings: finalizerWarnings,
    generationChanged: contentChanged,
    hasGeneration: true,
    allowUnconditionalUpdate: false,
  };
}

function beforeOf(old: Readonly<KubernetesObject> | undefined): Before | undefined {
  return old && { value: old };
}

function statusOf(object: Readonly<KubernetesObject>): unknown {
  return (object as { status?: unknown }).status;
}

/** The status is judged alone: the rest may be of an older schema. */
function statusErrors({ root }: CustomSchema, object: KubernetesObject, old: Readonly<KubernetesObject>): readonly FieldError[] {
  const status = statusOf(object);
  const schema = propertyOf(root, 'status');
  if (status === undefined || !schema) return [];
  return validateSchema(schema, status, { before: { value: statusOf(old) }, prefix: 'status' });
}

/** Lists whose keys were not unique before need not become so. */
function keyErrors(
  { root }: CustomSchema,
  object: KubernetesObject,
  old: Readonly<KubernetesObject> | undefined,
): readonly FieldError[] {
  const errors = validateListKeys(root, object);
  return errors.length === 0 || !old || validateListKeys(root, old).length === 0 ? errors : [];
}

/** Rules are for objects that are what they say they are. */
const BLOCKING = new Set<FieldError['type']>([
  'FieldValueNotSupported',
  'FieldValueRequired',
  'FieldValueTooLong',
  'FieldValueTooMany',
  'FieldValueTypeInvalid',
]);
const NOT_CHECKED =
  'some validation rules were not checked because the object was invalid; correct the existing errors to complete validation';

function ruleErrors(
  { judge }: CustomSchema,
  {
    object,
    old,
    errors,
  }: {
    readonly object: KubernetesObject;
    readonly old: Readonly<KubernetesObject> | undefined;
    readonly errors: readonly FieldError[];
  },
): readonly FieldError[] {
  if (!judge) return [];
  if (errors.some(({ type }) => BLOCKING.has(type))) return [invalidValue('<nil>', undefined, NOT_CHECKED)];
  return judge.judge(object, { before: beforeOf(old), costBudget: RULE_COST_BUDGET });
}

/** Anything but the metadata; the status, if it has a subresource, is the old one already. */
function contentChanged(object: KubernetesObject, old: Readonly<KubernetesObject>): boolean {
  return !deepEqual({ ...object, metadata: undefined }, { ...old, metadata: undefined });
}

const STANDARD_FINALIZERS = new Set(['orphan', 'foregroundDeletion', 'kubernetes']);

function finalizerWarnings(object: KubernetesObject, old: Readonly<KubernetesObject> | undefined): readonly string[] {
  const before = new Set(old?.metadata?.finalizers);
  const added = (object.metadata?.finalizers ?? []).filter((name) => !before.has(name));
  return [...new Set(added)].toSorted().flatMap((name) => {
    const at = `metadata.finalizers: ${JSON.stringify(name)}`;
    const faults = isQualifiedName(name).map((fault) => `${at}: ${fault}`);
    if (name.includes('/') || STANDARD_FINALIZERS.has(name)) return faults;
    const path = name.includes('.') ? ' including a path (/)' : '';
    const why = `prefer a domain-qualified finalizer name${path} to avoid accidental conflicts with other finalizer writers`;
    return [...faults, `${at}: ${why}`];
  });
}
