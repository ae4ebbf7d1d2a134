import { definitionOf, type FieldFact, type ItemsFact } from '@keelson/api';
import {
  declaredList,
  declaredMap,
  declaredObject,
  declareSchema,
  escapeFieldName,
  type DeclaredField,
  type DeclaredType,
  type Schema,
} from '@keelson/cel';
import { CustomSchema } from '../../custom/custom-schema.ts';
import type { ResourceDefinition } from '../../registry/resource-definition.ts';

const INT_OR_STRING = 'pkg.util.intstr.IntOrString';

/** The types of kinds for expressions: of built-in ones from the tables, of custom ones from their schemas. Each is made once. */
export class KindTypes {
  readonly #made = new Map<string, DeclaredType | undefined>();

  of({ schema }: ResourceDefinition): DeclaredType | undefined {
    // The JSON of a definition's schema is what `declareSchema` reads.
    return schema instanceof CustomSchema ? declareSchema(schema.root as Schema, 'object', true) : this.#definition(schema.name);
  }

  /** A definition that holds itself is, within itself, of no type. */
  #definition(name: string): DeclaredType | undefined {
    if (this.#made.has(name)) return this.#made.get(name);
    this.#made.set(name, undefined);
    const made = this.#make(name);
    this.#made.set(name, made);
    return made;
  }

  #make(name: string): DeclaredType | undefined {
    if (name === INT_OR_STRING) return declareSchema({ 'x-kubernetes-int-or-string': true });
    const fact = definitionOf(name);
    if (!fact?.fields) return fact?.type === undefined ? undefined : leaf(fact.type, fact.format);
    const fields = new Map<string, DeclaredField>();
    for (const [property, field] of Object.entries(fact.fields)) {
      const declared = this.#field(field);
      const escaped = escapeFieldName(property);
      if (declared && escaped !== undefined) fields.set(escaped, { property, declared });
    }
    return declaredObject(name, fields);
  }

  #field(field: FieldFact): DeclaredType | undefined {
    switch (field.type) {
      case 'ref':
        return this.#definition(field.ref ?? '');
      case 'array': {
        const element = field.items === undefined ? undefined : this.#items(field.items);
        const { listType, listMapKeys = [] } = field;
        const semantics = listType === 'set' || listType === 'map' ? { type: listType, keys: listMapKeys } : undefined;
        return element && declaredList(element, undefined, semantics);
      }
      case 'map': {
        const element = field.items === undefined ? undefined : this.#items(field.items);
        return element && declaredMap(element);
      }
      default:
        return leaf(field.type, field.format);
    }
  }

  #items(items: ItemsFact): DeclaredType | undefined {
    if (typeof items !== 'string') {
      const element = this.#items(items.array);
      return element && declaredList(element);
    }
    if (items.startsWith('#')) return this.#definition(items.slice(1));
    const [type = '', format] = items.split(':');
    return leaf(type, format);
  }
}

function leaf(type: string, format: string | undefined): DeclaredType | undefined {
  return declareSchema({ type, ...(format !== undefined && { format }) });
}
