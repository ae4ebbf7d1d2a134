import { SKIP, type FilterPlugin, type PreFilterPlugin } from '../framework.ts';
import { hostPorts, type HostPort } from '../node-info.ts';

const KEY = 'NodePorts';

/** No two pods of a node take the same port of it. */
export const nodePorts: PreFilterPlugin & FilterPlugin = {
  name: 'NodePorts',
  preFilter(state, pod) {
    const ports = hostPorts(pod);
    state.write(KEY, ports);
    return ports.length === 0 ? SKIP : undefined;
  },
  filter(state, pod, node) {
    const ports = state.read<readonly HostPort[]>(KEY) ?? hostPorts(pod);
    if (!ports.some((port) => node.usesPort(port))) return undefined;
    return { reason: "node(s) didn't have free ports for the requested pod ports", preemptable: true };
  },
};
