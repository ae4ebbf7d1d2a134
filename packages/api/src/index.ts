export { apiVersionOf, type Kind, type KubernetesObject } from './kind.ts';
