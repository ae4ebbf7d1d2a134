export { CachedInformer } from './cached-informer.ts';
export {
  Controller,
  fromInformer,
  ownedBy,
  TerminalError,
  type ControllerOptions,
  type NamespacedName,
  type ReconcileContext,
  type Reconciler,
  type ReconcileResult,
  type Source,
} from './controller.ts';
export type { Delta, IndexFunction, Informer, InformerOptions, Lister, ReflectorState } from './informer.ts';
export { InformerFactory } from './informer-factory.ts';
export { ObjectCache } from './object-cache.ts';
export { ExponentialRateLimiter, type RateLimiter } from './rate-limiter.ts';
export { CONTROLLER, INFORMERS } from './tokens.ts';
export { WorkQueue } from './work-queue.ts';
