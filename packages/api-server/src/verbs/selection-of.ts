import { badRequest, parseFieldSelector, parseLabelSelector, type FieldTerm } from '@keelson/api';
import { converterOf } from '../convert/versions.ts';
import { supportedField } from '../registry/field-values.ts';
import type { ResourceDefinition } from '../registry/resource-definition.ts';
import type { Selection } from '../storage/selection.ts';
import type { Call } from './call.ts';

/** What a list, watch or deletecollection is about, from its path and query. Throws `BadRequest`. */
export function selectionOf(call: Omit<Call, 'storage' | 'dryRun'>): Selection {
  const { query } = call.request;
  const labelText = query.get('labelSelector');
  const fieldText = query.get('fieldSelector');
  const labels = labelText === undefined ? undefined : parseLabels(labelText);
  let namespace = call.namespace;
  let name = call.name === '' ? undefined : call.name;
  const fields: FieldTerm[] = [];
  for (const term of fieldText === undefined ? [] : parseFieldSelector(fieldText)) {
    const field = fieldOf(call, term.field);
    const known = { ...term, field };
    if (field === 'metadata.name' && term.operator === '=' && name === undefined) name = term.value;
    else if (field === 'metadata.namespace' && term.operator === '=' && namespace === undefined && call.definition.namespaced) {
      namespace = term.value;
    } else fields.push(known);
  }
  return { namespace, name, labels, fields };
}

function parseLabels(text: string) {
  try {
    return parseLabelSelector(text);
  } catch (error) {
    throw badRequest(`unable to parse requirement: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Kinds that can be selected by nothing of their own say what there is. */
function unknownField({ fieldSelectors }: ResourceDefinition, label: string): string {
  const isUsual = fieldSelectors.every((field) => field === 'metadata.name' || field === 'metadata.namespace');
  if (!isUsual) return `field label not supported: ${label}`;
  return `${JSON.stringify(label)} is not a known field selector: only "metadata.name", "metadata.namespace"`;
}

/** Labels that `events.k8s.io` gives to fields of the stored event. */
const EVENT_FIELDS: Readonly<Record<string, string>> = { reportingController: 'reportingComponent' };

function fieldOf({ definition }: Pick<Call, 'definition'>, label: string): string {
  const field = supportedField(definition, label);
  if (field === undefined) throw badRequest(unknownField(definition, label));
  if (definition.kind !== 'Event' || !converterOf(definition)) return field;
  return EVENT_FIELDS[field] ?? field.replace(/^regarding\./, 'involvedObject.');
}
