export type * from './container-runtime.ts';
export { CONTAINER_RUNTIME } from './tokens.ts';
