export { dockerAvailable, type DockerAvailability } from './docker-available.ts';
export { DockerRuntime, type DockerRuntimeOptions } from './docker-runtime.ts';
export { loadImages } from './load-images.ts';
