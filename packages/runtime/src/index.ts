export type * from './container-runtime.ts';
export { scriptOf, type Script } from './simulated/script.ts';
export { SimulatedRuntime, type SimulatedRuntimeOptions } from './simulated-runtime.ts';
export { CONTAINER_RUNTIME } from './tokens.ts';
