export {
  facts,
  type ColumnFact,
  type DefinitionFact,
  type Facts,
  type FieldFact,
  type GroupFact,
  type ItemsFact,
  type ResourceFact,
  type SubresourceFact,
} from './facts.ts';
export { apiVersionOf, type Kind, type KubernetesObject } from './kind.ts';
