export { criAvailable, type CriAvailability } from './cri-available.ts';
export { CONTAINERD_ENDPOINT } from './endpoint.ts';
export { CriRuntime, type CriRuntimeOptions } from './cri-runtime.ts';
export { loadImages } from './load-images.ts';
export type { LogKeeping } from './log-rotation.ts';
