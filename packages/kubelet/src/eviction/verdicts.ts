import type { Rejection } from '../pod/admission.ts';

/** For lack of something on the node. */
export function evicted(message: string): Rejection {
  return { reason: 'Evicted', message, disruption: message };
}

/** For a critical pod. */
export const PREEMPTED: Rejection = {
  reason: 'Preempting',
  message: 'Preempted in order to admit critical pod',
  disruption: 'Pod was preempted by Kubelet to accommodate a critical pod.',
};

const SHUTDOWN = 'Pod was terminated in response to imminent node shutdown.';

export const SHUT_DOWN: Rejection = { reason: 'Terminated', message: SHUTDOWN, disruption: SHUTDOWN };

/** For what comes to a node that is going away. */
export const NOT_ANY_MORE: Rejection = {
  reason: 'NodeShutdown',
  message: 'Pod was rejected as the node is shutting down.',
};
