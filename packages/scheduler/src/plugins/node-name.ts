import type { FilterPlugin } from '../framework.ts';

/** A pod that names its node runs there or nowhere. */
export const nodeName: FilterPlugin = {
  name: 'NodeName',
  filter(_state, pod, node) {
    const wanted = pod.spec?.nodeName;
    if (!wanted || wanted === node.name) return undefined;
    return { reason: "node(s) didn't match the requested node name", preemptable: false };
  },
};
