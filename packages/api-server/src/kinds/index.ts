import type { Strategy } from '../registry/strategy.ts';
import { STRATEGIES } from './strategies.ts';

const NONE: Strategy = {};

/** The strategy of a kind without anything that must be unique in the cluster; `{}` for a kind that has nothing of its own. */
export function strategyOf(group: string, kind: string): Strategy {
  return STRATEGIES.get(`${group}/${kind}`) ?? NONE;
}
