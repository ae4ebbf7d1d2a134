export { CachedInformer } from './cached-informer.ts';
export {
  Controller,
  TerminalError,
  type ControllerOptions,
  type ReconcileContext,
  type Reconciler,
  type ReconcileResult,
} from './controller.ts';
export type { Delta, IndexFunction, Informer, InformerOptions, Lister, ReflectorState } from './informer.ts';
export { InformerFactory } from './informer-factory.ts';
export type { WorkQueueMetrics } from './metrics.ts';
export { ObjectCache } from './object-cache.ts';
export {
  BucketRateLimiter,
  defaultRateLimiter,
  ExponentialRateLimiter,
  LongestRateLimiter,
  type RateLimiter,
} from './rate-limiter.ts';
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
