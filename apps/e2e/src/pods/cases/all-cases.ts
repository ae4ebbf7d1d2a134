import type { PodCase } from '../pod-case.ts';
import { ENDING } from './ending.ts';
import { ENVIRONMENT } from './environment.ts';
import { INIT } from './init.ts';
import { NETWORK } from './network.ts';
import { PROBES } from './probes.ts';
import { RESOURCES } from './resources.ts';
import { SECURITY } from './security.ts';
import { STARTING } from './starting.ts';
import { VOLUMES } from './volumes.ts';

export const ALL_CASES: readonly PodCase[] = [
  ...STARTING,
  ...INIT,
  ...PROBES,
  ...ENVIRONMENT,
  ...VOLUMES,
  ...SECURITY,
  ...RESOURCES,
  ...NETWORK,
  ...ENDING,
];
