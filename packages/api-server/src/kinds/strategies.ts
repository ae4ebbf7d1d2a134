import type { Strategy } from '../registry/strategy.ts';

/** Strategies by `group/kind`. */
export const STRATEGIES: ReadonlyMap<string, Strategy> = new Map();
