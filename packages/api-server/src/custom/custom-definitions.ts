import type {
  CustomResourceColumnDefinition,
  CustomResourceDefinition,
  CustomResourceDefinitionVersion,
} from '@keelson/api/apiextensions/v1';
import { apiVersionOf, type SubresourceFact } from '@keelson/api';
import type { Column, ResourceDefinition, ScalePaths } from '../registry/resource-definition.ts';
import type { SchemaRules } from '../structural/rules.ts';
import type { StructuralSchema } from '../structural/structural-schema.ts';
import type { Conversion } from './conversion.ts';
import { CustomSchema, type SchemaSource } from './custom-schema.ts';
import { customStrategy } from './custom-strategy.ts';
import { VersionCodec } from './version-codec.ts';

/** In upstream's order. */
const VERBS = ['delete', 'deletecollection', 'get', 'list', 'patch', 'create', 'update', 'watch'];
const PART_VERBS = ['get', 'patch', 'update'];

export interface KindParts {
  readonly definition: Readonly<CustomResourceDefinition>;
  readonly conversion: Conversion;
  readonly rules: SchemaRules;
  /** Reads the definition again, for its schemas: they are not kept before they are needed. */
  readonly reload: () => Readonly<CustomResourceDefinition>;
}

/** A custom kind: what is served of it, and how its objects are reached whether anything is served or not. */
export interface CustomKind {
  readonly served: readonly ResourceDefinition[];
  /** Of the version that objects are stored in. */
  readonly stored: ResourceDefinition;
  readonly codecs: readonly VersionCodec[];
}

/** The kind that a definition with accepted names makes. */
export function customKind(parts: KindParts): CustomKind {
  const { definition } = parts;
  const { spec } = definition;
  const schemas = new Map(
    spec.versions.map((version) => [apiVersionOf({ group: spec.group, version: version.name }), schemaOf(parts, version)]),
  );
  const storageVersion = spec.versions.find(({ storage }) => storage)?.name ?? '';
  const made = spec.versions.map((version) => {
    const common = { group: spec.group, version: version.name };
    const schema = schemas.get(apiVersionOf(common)) ?? schemaOf(parts, version);
    const codec = new VersionCodec({ ...common, storageVersion, schemas, conversion: parts.conversion });
    return { version, codec, definition: resourceDefinition({ definition, version, schema, codec, storageVersion }) };
  });
  const stored = made.find(({ version }) => version.storage) ?? made[0];
  if (!stored) throw new RangeError(`No version of "${definition.metadata?.name}"`);
  return {
    served: made.filter(({ version }) => version.served).map((each) => each.definition),
    stored: stored.definition,
    codecs: made.map(({ codec }) => codec),
  };
}

function schemaOf({ definition, rules, reload }: KindParts, version: CustomResourceDefinitionVersion): CustomSchema {
  const { group, names } = definition.spec;
  const { name } = version;
  // Holds on to names only: the version has the schema in it.
  return new CustomSchema(
    { group, version: name, kind: names.kind, selectable: selectableOf(version) },
    loader(name, reload, rules),
  );
}

function loader(version: string, reload: KindParts['reload'], rules: SchemaRules): SchemaSource {
  const load = (): StructuralSchema => reload().spec.versions.find(({ name }) => name === version)?.schema?.openAPIV3Schema ?? {};
  return { load, rules };
}

interface VersionParts {
  readonly definition: Readonly<CustomResourceDefinition>;
  readonly version: CustomResourceDefinitionVersion;
  readonly schema: CustomSchema;
  readonly codec: VersionCodec;
  readonly storageVersion: string;
}

function resourceDefinition({ definition, version, schema, codec, storageVersion }: VersionParts): ResourceDefinition {
  const { spec, status } = definition;
  const { kind, listKind, plural, singular, shortNames, categories } = status?.acceptedNames ?? spec.names;
  const { group } = spec;
  const namespaced = spec.scope === 'Namespaced';
  const scale = version.subresources?.scale && scalePaths(version.subresources.scale);
  return {
    group,
    version: version.name,
    kind,
    listKind: listKind ?? `${kind}List`,
    resource: plural,
    singular: singular ?? '',
    shortNames: shortNames ?? [],
    categories: categories ?? [],
    namespaced,
    verbs: VERBS,
    subresources: subresourcesOf(kind, version),
    schema,
    scale,
    columns: columnsOf(version.additionalPrinterColumns ?? []),
    fieldSelectors: ['metadata.name', ...(namespaced ? ['metadata.namespace'] : []), ...selectableOf(version)],
    storage: { group, version: storageVersion, prefix: `${group}/${plural}`, codec },
    strategy: customStrategy(schema, scale),
    deprecation: deprecationOf({ group, kind }, version),
  };
}

function scalePaths({ specReplicasPath, statusReplicasPath, labelSelectorPath }: ScalePaths): ScalePaths {
  return { specReplicasPath, statusReplicasPath, labelSelectorPath };
}

function selectableOf({ selectableFields = [] }: CustomResourceDefinitionVersion): string[] {
  return selectableFields.map(({ jsonPath }) => jsonPath.replace(/^\./, ''));
}

function subresourcesOf(kind: string, { subresources }: CustomResourceDefinitionVersion): Record<string, SubresourceFact> {
  return {
    ...(subresources?.status && { status: { kind, verbs: PART_VERBS } }),
    ...(subresources?.scale && { scale: { group: 'autoscaling', version: 'v1', kind: 'Scale', verbs: PART_VERBS } }),
  };
}

const AGE: CustomResourceColumnDefinition = { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' };

function columnsOf(columns: readonly CustomResourceColumnDefinition[]): Column[] {
  const shown = columns.length === 0 ? [AGE] : columns;
  return [{ name: 'Name', type: 'string', format: 'name', path: '.metadata.name' }, ...shown.map(columnOf)];
}

function columnOf({ name, type, format = '', priority = 0, jsonPath, description }: CustomResourceColumnDefinition): Column {
  const shown = description || `Custom resource definition column (in JSONPath format): ${jsonPath}`;
  return { name, type, format, priority, path: jsonPath, description: shown };
}

function deprecationOf(
  { group, kind }: { readonly group: string; readonly kind: string },
  { name, deprecated, deprecationWarning }: CustomResourceDefinitionVersion,
): string | undefined {
  if (deprecated !== true) return undefined;
  return deprecationWarning ?? `${group}/${name} ${kind} is deprecated`;
}
