import type { Kind, KubernetesObject } from '@keelson/api';
import type {
  CustomResourceColumnDefinition,
  CustomResourceDefinition,
  CustomResourceDefinitionVersion,
  CustomResourceSubresourceScale,
} from '@keelson/api/apiextensions/v1';
import type { ObjectMeta } from '@keelson/api/meta/v1';
import { assert } from '@keelson/base';
import type { z } from 'zod';
import { structuralSchema } from './structural-schema.ts';

/** One version of a custom resource. */
export interface VersionOptions<Spec extends z.ZodType, Status extends z.ZodType> {
  readonly spec: Spec;
  /** With it, the resource has a `/status` of its own. */
  readonly status?: Status;
  readonly columns?: readonly CustomResourceColumnDefinition[];
  readonly scale?: CustomResourceSubresourceScale;
  /** JSON paths that field selectors may name: `.spec.color`. */
  readonly selectableFields?: readonly string[];
  /** Default true. */
  readonly served?: boolean;
  /** Warns who uses it: with this text, if it is one. */
  readonly deprecated?: boolean | string;
}

export interface CustomResourceOptions<Spec extends z.ZodType, Status extends z.ZodType> extends VersionOptions<Spec, Status> {
  readonly group: string;
  readonly kind: string;
  /** Default `v1`. */
  readonly version?: string;
  /** Default: the kind in lower case with an s. */
  readonly plural?: string;
  readonly shortNames?: readonly string[];
  readonly categories?: readonly string[];
  /** Default true. */
  readonly namespaced?: boolean;
}

/** An object of a custom resource. */
export interface CustomObject<Spec, Status> extends KubernetesObject {
  metadata?: ObjectMeta | undefined;
  spec: Spec;
  status?: Status | undefined;
}

/**
 * A kind like the built-in ones, for `client.resource(...)`, informers and controllers; and what the API server has to know of it.
 * Its type is `ObjectOf<typeof TheResource>`.
 */
export interface CustomResource<Spec = unknown, Status = unknown> extends Kind<CustomObject<Spec, Status>> {
  /** Checks and completes a spec as the API server would, rules in CEL aside. Throws zod's error. */
  parseSpec(spec: unknown): Spec;
  /** The manifest. `others` are further versions, of which the API server keeps none. */
  definition(...others: readonly AnyCustomResource[]): CustomResourceDefinition;
  /** What `definition` says of this version. */
  readonly versionOf: (stored: boolean) => CustomResourceDefinitionVersion;
  readonly names: CustomResourceDefinition['spec']['names'];
}

// Resources of any types, of which only the manifest is wanted.
export type AnyCustomResource = Pick<CustomResource, 'group' | 'version' | 'kind' | 'versionOf'>;

/** The type of the objects of a resource. */
export type ObjectOf<R> = R extends CustomResource<infer Spec, infer Status> ? CustomObject<Spec, Status> : never;

/** Defines a custom resource: once, for types, manifest and client. */
export function customResource<Spec extends z.ZodType, Status extends z.ZodType>(
  options: CustomResourceOptions<Spec, Status>,
): CustomResource<z.output<Spec>, z.output<Status>> {
  const { group, kind, version = 'v1', namespaced = true, shortNames, categories } = options;
  const plural = options.plural ?? `${kind.toLowerCase()}s`;
  const names = {
    kind,
    listKind: `${kind}List`,
    plural,
    singular: kind.toLowerCase(),
    ...(shortNames && { shortNames: [...shortNames] }),
    ...(categories && { categories: [...categories] }),
  };
  const versionOf = (stored: boolean): CustomResourceDefinitionVersion => describeVersion(version, options, stored);
  return {
    group,
    version,
    kind,
    resource: plural,
    namespaced,
    names,
    versionOf,
    parseSpec: (spec) => options.spec.parse(spec),
    definition: (...others) => {
      for (const other of others)
        assert(
          other.group === group && other.kind === kind,
          `${other.kind} of ${other.group} is a version of ${kind} of ${group}`,
        );
      return {
        apiVersion: 'apiextensions.k8s.io/v1',
        kind: 'CustomResourceDefinition',
        metadata: { name: `${plural}.${group}` },
        spec: {
          group,
          names,
          scope: namespaced ? 'Namespaced' : 'Cluster',
          versions: [versionOf(true), ...others.map((other) => other.versionOf(false))],
        },
      };
    },
  };
}

function describeVersion(
  name: string,
  { spec, status, columns, scale, selectableFields, served = true, deprecated = false }: VersionOptions<z.ZodType, z.ZodType>,
  storage: boolean,
): CustomResourceDefinitionVersion {
  const schema = {
    type: 'object',
    required: ['spec'],
    properties: { spec: structuralSchema(spec), ...(status && { status: structuralSchema(status) }) },
  };
  const subresources = { ...(status && { status: {} }), ...(scale && { scale }) };
  return {
    name,
    served,
    storage,
    ...(deprecated !== false && { deprecated: true }),
    ...(typeof deprecated === 'string' && { deprecationWarning: deprecated }),
    schema: { openAPIV3Schema: schema },
    ...(Object.keys(subresources).length > 0 && { subresources }),
    ...(columns && { additionalPrinterColumns: [...columns] }),
    ...(selectableFields && { selectableFields: selectableFields.map((jsonPath) => ({ jsonPath })) }),
  };
}
