import { priorityOf } from '../../framework.ts';
import { startedMs, type Candidate } from './victims.ts';

/** Added to each priority, so that the sum of a few is less than that of many, also below zero. */
const BASE = 2 ** 31;

/** What is compared first comes first; less is better. */
const COSTS: readonly ((candidate: Candidate) => number)[] = [
  ({ violations }) => violations,
  ({ victims }) => (victims[0] ? priorityOf(victims[0]) : -BASE),
  ({ victims }) => victims.reduce((sum, victim) => sum + priorityOf(victim) + BASE, 0),
  ({ victims }) => victims.length,
  // Of the victims that matter most, the one that has run longest should have run as short as possible.
  ({ victims }) => {
    const [first] = victims;
    const most = victims.filter((victim) => first && priorityOf(victim) === priorityOf(first));
    return -Math.min(...most.map(startedMs));
  },
];

/** The candidate that costs least: breaks the fewest budgets, then takes the least important pods, then the fewest, then the youngest. */
export function bestCandidate(candidates: readonly Candidate[]): Candidate | undefined {
  let best = candidates;
  for (const cost of COSTS) {
    if (best.length <= 1) break;
    const costs = best.map(cost);
    const least = Math.min(...costs);
    best = best.filter((_candidate, at) => costs[at] === least);
  }
  return best[0];
}
