import { token } from '@keelson/base';
import type { ContainerRuntime } from './container-runtime.ts';

export const CONTAINER_RUNTIME = token<ContainerRuntime>('@keelson/runtime:ContainerRuntime');
