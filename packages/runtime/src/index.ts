export type * from './container-runtime.ts';
export { scriptOf, type Script } from './simulated/script.ts';
export { Course } from './simulated/course.ts';
export type { SimulatedLoad } from './simulated/simulated-container.ts';
export { SimulatedRuntime, type SimulatedRuntimeOptions } from './simulated-runtime.ts';
export { CONTAINER_RUNTIME } from './tokens.ts';
