import { deepEqual, formatTime } from '@keelson/api';
import type {
  CustomResourceDefinition,
  CustomResourceDefinitionStatus,
  CustomResourceDefinitionVersion,
} from '@keelson/api/apiextensions/v1';
import type { Strategy } from '../../registry/strategy.ts';
import { hasKnownFormat } from '../../structural/formats.ts';
import { NO_RULES, type SchemaRules } from '../../structural/rules.ts';
import { isSchema } from '../../structural/structural-schema.ts';
import { Field } from '../../validation/field.ts';
import type { FieldError } from '../../validation/field-error.ts';
import { APPROVED, approvalOf } from './approval.ts';
import { isCaBundle } from './conversion-validation.ts';
import { conditionOf, setCondition } from './conditions.ts';
import { checkNames, validateDefinition } from './definition-validation.ts';
import { nameClaims } from './name-claims.ts';
import { schemasIn } from '../../structural/schema-walk.ts';

/** Held by a definition that is being deleted until all objects of its kind are gone. */
export const CLEANUP_FINALIZER = 'customresourcecleanup.apiextensions.k8s.io';

/** Of CustomResourceDefinitions; `rules` checks the expressions in their schemas. */
export function definitionStrategy(rules: SchemaRules = NO_RULES): Strategy<CustomResourceDefinition> {
  return {
    ...(rules.load && { load: () => rules.load?.() ?? Promise.resolve() }),
    setDefaults,
    prepareForCreate(definition) {
      definition.status = { storedVersions: [] };
      storeVersion(definition);
    },
    prepareForUpdate: storeVersion,
    validate(definition, _context, old) {
      const errors = validateDefinition(definition);
      return errors.length > 0 ? errors : ruleErrors(rules, definition, old);
    },
    validateCreate: (definition) => approvalErrors(definition, undefined),
    validateUpdate: (definition, old) => [
      ...approvalErrors(definition, old),
      ...Field.collect((at) => {
        checkImmutable(definition, old, at.child('spec'));
        checkCaBundle(definition, old, at.child('spec').child('conversion').child('webhookClientConfig').child('caBundle'));
      }),
    ],
    validateStatusUpdate: ({ status }) =>
      Field.collect((at) => checkNames(status?.acceptedNames ?? {}, at.child('status').child('acceptedNames'))),
    warnings: (definition, old) => warningsOf(definition).filter((text) => !old || !warningsOf(old).includes(text)),
    beginDeletion(definition, { nowMs }) {
      const meta = (definition.metadata ??= {});
      // Upstream deletes definitions in a way of its own, which does not count as a change.
      if (meta.generation !== undefined) meta.generation -= 1;
      if (meta.finalizers?.includes(CLEANUP_FINALIZER) !== true)
        meta.finalizers = [...(meta.finalizers ?? []), CLEANUP_FINALIZER];
      const message = 'CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon';
      const condition = { type: 'Terminating', status: 'True', reason: 'InstanceDeletionPending', message };
      definition.status = setCondition(definition.status ?? {}, condition, formatTime(nowMs));
    },
    statusMetadata: [],
    companions: nameClaims,
    allowUnconditionalUpdate: false,
    hasGeneration: true,
  };
}

function setDefaults({ spec }: CustomResourceDefinition): void {
  if (spec === undefined) return;
  const { names } = spec;
  const kind = names?.kind ?? '';
  if (names !== undefined && kind !== '') {
    names.singular ||= kind.toLowerCase();
    names.listKind ||= `${kind}List`;
  }
  spec.conversion ??= { strategy: 'None' };
  const service = spec.conversion.webhook?.clientConfig?.service;
  if (service !== undefined) service.port ??= 443;
}

/** Whatever was ever stored in a version may still be. */
function storeVersion(definition: CustomResourceDefinition): void {
  const name = definition.spec?.versions?.find(({ storage }) => storage)?.name;
  const status: CustomResourceDefinitionStatus = { ...definition.status };
  const stored = status.storedVersions ?? [];
  if (name !== undefined && !stored.includes(name)) status.storedVersions = [...stored, name];
  definition.status = status;
}

function approvalErrors(
  definition: CustomResourceDefinition,
  old: Readonly<CustomResourceDefinition> | undefined,
): readonly FieldError[] {
  const approval = approvalOf(definition);
  if (!approval || (old && approvalOf(old)?.state === approval.state)) return [];
  return Field.collect((root) => {
    const at = root.child('metadata').child('annotations').key(APPROVED);
    if (approval.state === 'Missing') at.required(approval.text);
    if (approval.state === 'Invalid') at.invalid(definition.metadata?.annotations?.[APPROVED], approval.text);
  });
}

function ruleErrors(
  rules: SchemaRules,
  { spec }: CustomResourceDefinition,
  old: Readonly<CustomResourceDefinition> | undefined,
): readonly FieldError[] {
  return spec.versions.flatMap(({ name, schema }, index) => {
    const root = schema?.openAPIV3Schema;
    if (!root) return [];
    const before = old?.spec.versions.find((version) => version.name === name)?.schema?.openAPIV3Schema;
    return before && deepEqual(before, root) ? [] : rules.check(root, `spec.versions[${index}].schema.openAPIV3Schema`, before);
  });
}

/** What decides where objects are stored. */
function checkImmutable({ spec }: CustomResourceDefinition, old: Readonly<CustomResourceDefinition>, at: Field): void {
  const check = (now: unknown, before: unknown, place: Field): void => {
    if (now !== before) place.invalid(now, 'field is immutable');
  };
  if (conditionOf(old.status, 'Established')?.status === 'True') {
    check(spec.scope, old.spec.scope, at.child('scope'));
    check(spec.names?.kind, old.spec.names.kind, at.child('names').child('kind'));
  }
  check(spec.group, old.spec.group, at.child('group'));
  check(spec.names?.plural, old.spec.names.plural, at.child('names').child('plural'));
}

/** A definition may be created before its certificates are there, but must not lose them once it is in use. */
function checkCaBundle({ spec }: CustomResourceDefinition, old: Readonly<CustomResourceDefinition>, at: Field): void {
  const bundle = spec.conversion?.webhook?.clientConfig?.caBundle ?? '';
  if (bundle === '' || isCaBundle(bundle) || conditionOf(old.status, 'Established')?.status !== 'True') return;
  const before = old.spec.conversion?.webhook?.clientConfig?.caBundle ?? '';
  if (before !== '' && !isCaBundle(before)) return;
  at.invalid(bundle, 'unable to load root certificates: unable to parse bytes as PEM block');
}

function warningsOf({ spec }: Readonly<CustomResourceDefinition>): readonly string[] {
  return [...new Set((spec?.versions ?? []).flatMap(versionWarnings))];
}

function versionWarnings({ schema }: CustomResourceDefinitionVersion): string[] {
  const warnings: string[] = [];
  for (const each of schema?.openAPIV3Schema ? schemasIn(schema.openAPIV3Schema) : []) {
    if (!hasKnownFormat(each)) warnings.push(`unrecognized format ${JSON.stringify(each.format)}`);
    const { items } = each;
    if (each['x-kubernetes-list-type'] !== 'set' || !isSchema(items) || (items.type !== 'object' && items.type !== 'array'))
      continue;
    const what = `x-kubernetes-list-type: set for items of type ${JSON.stringify(items.type)}`;
    warnings.push(`${what} is not supported by server-side apply or CEL validation rules`);
  }
  return warnings;
}
