export {
  addFinalizer,
  createOrUpdate,
  hasFinalizer,
  patchStatusIfChanged,
  removeFinalizer,
  retryOnConflict,
  type ApplyResult,
} from './apply.ts';
export { CachedInformer } from './cached-informer.ts';
export {
  Controller,
  TerminalError,
  type ControllerOptions,
  type ReconcileContext,
  type Reconciler,
  type ReconcileResult,
} from './controller.ts';
export { EventRecorder, type EventSubject } from './event-recorder.ts';
export { Expectations } from './expectations.ts';
export type { Delta, IndexFunction, Informer, InformerOptions, Lister, ReflectorState } from './informer.ts';
export { InformerFactory } from './informer-factory.ts';
export { LeaderElector, type LeaderElectionOptions, type LeadershipCallbacks } from './leader-election.ts';
export { Manager } from './manager.ts';
export type { WorkQueueMetrics } from './metrics.ts';
export { ObjectCache } from './object-cache.ts';
export { ControllerRefManager, stillThere, type Claim } from './ownership.ts';
export {
  BucketRateLimiter,
  defaultRateLimiter,
  ExponentialRateLimiter,
  LongestRateLimiter,
  type RateLimiter,
} from './rate-limiter.ts';
export { slowStartBatch, type BatchResult } from './slow-start-batch.ts';
export {
  everyMs,
  fromInformer,
  keyText,
  namespacedName,
  ownedBy,
  type Enqueue,
  type NamespacedName,
  type Source,
} from './source.ts';
export { CONTROLLER, INFORMERS } from './tokens.ts';
export { LOW_PRIORITY, WorkQueue, type AddOptions } from './work-queue.ts';
