import { deepEqual, formatTime } from '@keelson/api';
import type {
  CustomResourceDefinition,
  CustomResourceDefinitionNames,
  CustomResourceDefinitionStatus,
} from '@keelson/api/apiextensions/v1';
import { approvalOf } from '../kinds/definition/approval.ts';
import { conditionOf, isTrue, setCondition } from '../kinds/definition/conditions.ts';
import { validateStructural } from '../kinds/definition/structural-validation.ts';

type Status = CustomResourceDefinitionStatus;

/** Names that other definitions of the group have. */
export interface TakenNames {
  readonly resources: ReadonlySet<string>;
  readonly kinds: ReadonlySet<string>;
}

export function takenNames(accepted: Iterable<CustomResourceDefinitionNames>): TakenNames {
  const resources = new Set<string>();
  const kinds = new Set<string>();
  for (const { plural, singular, shortNames = [], kind, listKind } of accepted) {
    for (const name of [plural, singular, ...shortNames]) if (name) resources.add(name);
    for (const name of [kind, listKind]) if (name) kinds.add(name);
  }
  return { resources, kinds };
}

/** The status that a definition should have, beside what its deletion says. The same object if it has it. */
export function definitionStatus(definition: Readonly<CustomResourceDefinition>, taken: TakenNames, nowMs: number): Status {
  const now = formatTime(nowMs);
  const before: Status = definition.status ?? {};
  let status = withNames(definition, taken, now);
  status = withApproval(definition, status, now);
  if (!isTrue(before, 'Established') || conditionOf(before, 'NonStructuralSchema'))
    status = withStructure(definition, status, now);
  return deepEqual(status, before) ? before : status;
}

const NO_NAMES: CustomResourceDefinitionNames = { plural: '', kind: '' };

/** Each name is accepted that nobody else has; one that is accepted is kept until another is asked for and accepted. */
function withNames({ spec, status = {} }: Readonly<CustomResourceDefinition>, taken: TakenNames, now: string): Status {
  const { names } = spec;
  const accepted: CustomResourceDefinitionNames = { ...(status.acceptedNames ?? NO_NAMES) };
  const conflicts: { reason: string; message: string }[] = [];
  const accept = (name: 'plural' | 'singular' | 'kind' | 'listKind', reason: string, others: ReadonlySet<string>): void => {
    const wanted = names[name] ?? '';
    if (wanted !== accepted[name] && others.has(wanted)) conflicts.push({ reason, message: inUse(wanted) });
    else accepted[name] = wanted;
  };
  accept('plural', 'PluralConflict', taken.resources);
  accept('singular', 'SingularConflict', taken.resources);
  const shortNames = names.shortNames ?? [];
  const lost = shortNames.filter((name) => accepted.shortNames?.includes(name) !== true && taken.resources.has(name));
  if (lost.length > 0) conflicts.push({ reason: 'ShortNamesConflict', message: aggregate(lost.map(inUse)) });
  else setOrDelete(accepted, 'shortNames', names.shortNames);
  accept('kind', 'KindConflict', taken.kinds);
  accept('listKind', 'ListKindConflict', taken.kinds);
  setOrDelete(accepted, 'categories', names.categories);
  const conflict = conflicts.at(-1);
  const named = setCondition({ ...status, acceptedNames: accepted }, { type: 'NamesAccepted', ...verdict(conflict) }, now);
  return withEstablished(named, conflict === undefined, now);
}

function verdict(conflict: { reason: string; message: string } | undefined): { status: string; reason: string; message: string } {
  return conflict ? { status: 'False', ...conflict } : { status: 'True', reason: 'NoConflicts', message: 'no conflicts found' };
}

/** Once established, a kind stays so, whatever becomes of new names. */
function withEstablished(status: Status, namesAccepted: boolean, now: string): Status {
  if (isTrue(status, 'Established')) return status;
  const condition = namesAccepted
    ? { status: 'True', reason: 'InitialNamesAccepted', message: 'the initial names have been accepted' }
    : { status: 'False', reason: 'NotAccepted', message: 'not all names are accepted' };
  return setCondition(status, { type: 'Established', ...condition }, now);
}

function inUse(name: string): string {
  return `${JSON.stringify(name)} is already in use`;
}

function aggregate(messages: readonly string[]): string {
  return messages.length === 1 ? (messages[0] ?? '') : `[${messages.join(', ')}]`;
}

function setOrDelete(
  names: CustomResourceDefinitionNames,
  field: 'shortNames' | 'categories',
  value: readonly string[] | undefined,
): void {
  if (value) names[field] = [...value];
  else delete names[field];
}

function withApproval(definition: Readonly<CustomResourceDefinition>, status: Status, now: string): Status {
  const approval = approvalOf(definition);
  if (!approval) return status;
  const isApproved = approval.state === 'Approved';
  return setCondition(
    status,
    {
      type: 'KubernetesAPIApprovalPolicyConformant',
      status: isApproved ? 'True' : 'False',
      reason: `${approval.state}Annotation`,
      message: approval.text,
    },
    now,
  );
}

/** Only what was stored by others can be without structure: new definitions are refused then. */
function withStructure({ spec }: Readonly<CustomResourceDefinition>, status: Status, now: string): Status {
  const errors = spec.versions.flatMap(({ schema }, index) =>
    schema?.openAPIV3Schema ? validateStructural(schema.openAPIV3Schema, `spec.versions[${index}].schema.openAPIV3Schema`) : [],
  );
  const type = 'NonStructuralSchema';
  if (errors.length === 0) {
    const conditions = status.conditions?.filter((condition) => condition.type !== type);
    return conditions?.length === status.conditions?.length ? status : { ...status, ...(conditions && { conditions }) };
  }
  const message = aggregate(errors.map((error) => `${error.field}: ${error.message}`));
  return setCondition(status, { type, status: 'True', reason: 'Violations', message }, now);
}
