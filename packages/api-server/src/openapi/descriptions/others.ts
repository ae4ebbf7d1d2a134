import type { Descriptions } from './shared.ts';

/** Kinds of other groups that people look up. */
export const OTHERS: Descriptions = {
  'autoscaling.v2.HorizontalPodAutoscaler': {
    '': 'Changes the number of replicas of an object by what its pods measure.',
  },
  'coordination.v1.Lease': {
    '': 'Says who holds something, and until when: a node that lives, a leader.',
  },
  'discovery.v1.EndpointSlice': {
    '': 'Addresses of pods behind a Service.',
  },
  'policy.v1.PodDisruptionBudget': {
    '': 'How many pods of a group may be taken away at the same time.',
  },
};
