import type { KubernetesObject } from '@keelson/api';
import type { Strategy } from '../registry/strategy.ts';

/**
 * Forgets which kind a strategy is for. The registry only ever hands it objects of that kind: it decodes them by the same definition under
 * whose name the strategy is found.
 */
export function asStrategy<T extends KubernetesObject>(strategy: Strategy<T>): Strategy {
  return strategy as unknown as Strategy;
}
