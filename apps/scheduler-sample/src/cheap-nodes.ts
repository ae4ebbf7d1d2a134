import type { Pod } from '@keelson/api/core/v1';
import { labelsOf, normalizeByMax, type CycleState, type NodeInfo, type Plugin } from '@keelson/scheduler';

/** What an hour of a node costs, in any unit: a number. */
export const COST_LABEL = 'sample.keelson.dev/cost';

/** Prefers nodes that cost little. Its weight outdoes the in-tree plugins, which spread pods; what does not fit still goes elsewhere. */
export class CheapNodes implements Plugin {
  readonly name = 'CheapNodes';
  readonly weight = 100;

  /** The cost; a node that does not say what it costs counts as free. */
  score(_state: CycleState, _pod: Pod, { node }: NodeInfo): number {
    const cost = Number(labelsOf(node)[COST_LABEL] ?? 0);
    return Number.isFinite(cost) && cost > 0 ? cost : 0;
  }

  /** The dearest node gets 0. */
  normalize(_state: CycleState, _pod: Pod, scores: number[]): void {
    normalizeByMax(scores, true);
  }
}
