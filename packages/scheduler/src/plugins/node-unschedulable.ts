import { toleratesTaint } from '@keelson/api';
import type { FilterPlugin } from '../framework.ts';

const TAINT = { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' };

/** Cordoned nodes take only pods that tolerate being there. */
export const nodeUnschedulable: FilterPlugin = {
  name: 'NodeUnschedulable',
  filter(_state, pod, { node }) {
    if (node?.spec?.unschedulable !== true) return undefined;
    if (pod.spec?.tolerations?.some((toleration) => toleratesTaint(toleration, TAINT))) return undefined;
    return { reason: 'node(s) were unschedulable', preemptable: false };
  },
};
