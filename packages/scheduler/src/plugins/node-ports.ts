import type { FilterPlugin } from '../framework.ts';
import { hostPorts } from '../node-info.ts';

/** No two pods of a node take the same port of it. */
export const nodePorts: FilterPlugin = {
  name: 'NodePorts',
  filter(_state, pod, node) {
    if (!hostPorts(pod).some((port) => node.usesPort(port))) return undefined;
    return { reason: "node(s) didn't have free ports for the requested pod ports", preemptable: true };
  },
};
