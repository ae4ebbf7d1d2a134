export { importImages } from './images/import-images.ts';
export { LxcImages } from './images/lxc-images.ts';
export { lxcAvailable, type LxcAvailability } from './lxc-available.ts';
export { LxcRuntime, type LxcRuntimeOptions } from './lxc-runtime.ts';
