export { EventObserver, type EventSink } from './event-observer.ts';
export {
  CycleState,
  labelsOf,
  MAX_NODE_SCORE,
  normalizeByMax,
  SKIP,
  type BindPlugin,
  type FilterPlugin,
  type PermitPlugin,
  type Plugin,
  type PostBindPlugin,
  type PostFilterPlugin,
  type PostFilterResult,
  type SchedulingFailure,
  type PreBindPlugin,
  type PreEnqueuePlugin,
  type PreFilterPlugin,
  type PreScorePlugin,
  type QueuedPod,
  type QueueSortPlugin,
  type Refusal,
  type ReservePlugin,
  type ScorePlugin,
  type Snapshot,
  type Verdict,
} from './framework.ts';
export { hostPorts, NodeInfo, type HostPort } from './node-info.ts';
export { Nominations } from './nominations.ts';
export { defaultPlugins } from './plugins/index.ts';
export { podRequests, podRequestsForScoring, type Amounts } from './pod-resources.ts';
export { Profile, unschedulableMessage, type Placement } from './profile.ts';
export { DEFAULT_SCHEDULER, Scheduler, type SchedulerObserver, type SchedulerOptions } from './scheduler.ts';
export { SCHEDULER, SCHEDULER_EVENTS, SCHEDULER_PLUGIN } from './tokens.ts';
