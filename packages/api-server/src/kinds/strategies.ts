import type { Strategy } from '../registry/strategy.ts';
import { asStrategy } from './as-strategy.ts';
import { podStrategy } from './pod/pod-strategy.ts';
import { serviceStrategy } from './service/service-strategy.ts';

/** Strategies by `group/kind`. */
export const STRATEGIES: ReadonlyMap<string, Strategy> = new Map([
  ['/Pod', asStrategy(podStrategy)],
  ['/Service', asStrategy(serviceStrategy())],
]);
