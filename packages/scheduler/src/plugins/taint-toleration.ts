import { toleratesTaint, untoleratedTaint } from '@keelson/api';
import { normalizeByMax, type FilterPlugin, type ScorePlugin } from '../framework.ts';

/** Keeps pods off nodes whose taints they do not tolerate, and away from those that would rather not have them. */
export const taintToleration: FilterPlugin & ScorePlugin & { readonly weight: number } = {
  name: 'TaintToleration',
  weight: 3,
  filter(_state, pod, { node }) {
    const taint = untoleratedTaint(node?.spec?.taints, pod.spec?.tolerations, ['NoSchedule', 'NoExecute']);
    return taint && { reason: `node(s) had untolerated taint {${taint.key}: ${taint.value ?? ''}}`, preemptable: false };
  },
  score(_state, pod, { node }) {
    const tolerations = (pod.spec?.tolerations ?? []).filter(({ effect }) => !effect || effect === 'PreferNoSchedule');
    const taints = (node?.spec?.taints ?? []).filter(({ effect }) => effect === 'PreferNoSchedule');
    return taints.filter((taint) => !tolerations.some((toleration) => toleratesTaint(toleration, taint))).length;
  },
  normalize(_state, _pod, scores) {
    normalizeByMax(scores, true);
  },
};
