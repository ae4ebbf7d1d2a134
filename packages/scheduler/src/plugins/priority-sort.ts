import type { QueueSortPlugin } from '../framework.ts';

/** Pods of higher priority first; among equals, who came first. */
export const prioritySort: QueueSortPlugin = {
  name: 'PrioritySort',
  compare: (a, b) => (b.pod.spec?.priority ?? 0) - (a.pod.spec?.priority ?? 0) || a.addedMs - b.addedMs,
};
