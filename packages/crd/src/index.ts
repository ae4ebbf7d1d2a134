export {
  customResource,
  type AnyCustomResource,
  type CustomObject,
  type CustomResource,
  type CustomResourceOptions,
  type ObjectOf,
  type VersionOptions,
} from './custom-resource.ts';
export { generateTypes, type GenerateOptions } from './generate-types.ts';
export { anything, atomic, conditions, intOrString, mapOf, quantity, rules, setOf } from './markers.ts';
export { structuralSchema } from './structural-schema.ts';
