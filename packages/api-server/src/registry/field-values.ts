import type { KubernetesObject } from '@keelson/api';
import type { KindSchema } from './kind-schema.ts';
import type { ResourceDefinition } from './resource-definition.ts';

type Reader = (object: KubernetesObject) => string;

/** Reads the values of all selectable fields of a kind. */
export function apiFieldsOf(definition: ResourceDefinition): (object: KubernetesObject) => Readonly<Record<string, string>> {
  const readers: [string, Reader][] = [];
  for (const selector of definition.fieldSelectors) {
    const [label = '', field = label] = selector.split('>');
    if (label !== field) continue;
    readers.push([field, definition.strategy.fieldValues?.[field] ?? pathReader(definition.schema, field)]);
  }
  return (object) => {
    const values: Record<string, string> = {};
    for (const [field, read] of readers) values[field] = read(object);
    return values;
  };
}

/** What a label of a field selector is called in the object: itself, or what it stands for; undefined if it is not supported. */
export function supportedField(definition: ResourceDefinition, label: string): string | undefined {
  for (const selector of definition.fieldSelectors) {
    const [name, field = name] = selector.split('>');
    if (name === label) return field;
  }
  return undefined;
}

function pathReader(schema: KindSchema, path: string): Reader {
  const steps = path.split('.');
  const empty = String(schema.zeroAt(steps));
  return (object) => {
    let value: unknown = object;
    for (const step of steps) {
      if (typeof value !== 'object' || value === null) return empty;
      // Checked to be an object.
      value = (value as Record<string, unknown>)[step];
    }
    if (value === undefined || value === null) return empty;
    return typeof value === 'object' ? '' : String(value);
  };
}
