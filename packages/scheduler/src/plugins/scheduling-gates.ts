import type { PreEnqueuePlugin } from '../framework.ts';

/** Pods with scheduling gates wait until all are removed (KEP-3521). */
export const schedulingGates: PreEnqueuePlugin = {
  name: 'SchedulingGates',
  preEnqueue(pod) {
    const gates = pod.spec?.schedulingGates ?? [];
    if (gates.length === 0) return undefined;
    return { reason: `waiting for scheduling gates: [${gates.map(({ name }) => name).join(' ')}]`, preemptable: false };
  },
};
