import { token } from '@keelson/base';
import type { ContainerRuntime } from './container-runtime.ts';
import type { PodNetwork } from './pod-network.ts';

export const CONTAINER_RUNTIME = token<ContainerRuntime>('@keelson/runtime:ContainerRuntime');
/** For runtimes that leave the network of pods to others. */
export const POD_NETWORK = token<PodNetwork>('@keelson/runtime:PodNetwork');
