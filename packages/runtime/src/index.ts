export type * from './container-runtime.ts';
export { NetworkNamespaces } from './network-namespaces.ts';
export type * from './pod-network.ts';
export { scriptOf, type Script } from './simulated/script.ts';
export { Course } from './simulated/course.ts';
export type { SimulatedLoad } from './simulated/simulated-container.ts';
export { SimulatedRuntime, type SimulatedRuntimeOptions } from './simulated-runtime.ts';
export { CONTAINER_RUNTIME, POD_NETWORK } from './tokens.ts';
