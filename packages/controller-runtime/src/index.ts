export {
  addFinalizer,
  createOrUpdate,
  hasFinalizer,
  patchStatusIfChanged,
  removeFinalizer,
  retryOnConflict,
  type ApplyResult,
} from './apply.ts';
export { applySet, setControllerReference, type ApplySetOptions, type Desired } from './apply-set.ts';
export { CachedInformer, type CachedInformerOptions } from './cached-informer.ts';
export {
  Controller,
  TerminalError,
  type ControllerOptions,
  type ReconcileContext,
  type Reconciler,
  type ReconcileResult,
} from './controller.ts';
export {
  defineController,
  reads,
  watch,
  type ControllerDefinition,
  type ControllerWorld,
  type Reconciling,
  type Watched,
} from './define-controller.ts';
export { EventRecorder, type EventSubject } from './event-recorder.ts';
export { Expectations } from './expectations.ts';
export { FeatureGates, type Feature } from './feature-gates.ts';
export type { Delta, IndexFunction, Informer, InformerOptions, InformerSelection, Lister, ReflectorState } from './informer.ts';
export { InformerFactory, type InformerFactoryOptions } from './informer-factory.ts';
export { LeaderElector, type LeaderElectionOptions, type LeadershipCallbacks } from './leader-election.ts';
export { Manager } from './manager.ts';
export { MultiClusterManager, type Cluster, type ClusterChange } from './multi-cluster.ts';
export { migrateStorage } from './migrate-storage.ts';
export { metadataTransport } from './metadata-transport.ts';
export type { WorkQueueMetrics } from './metrics.ts';
export { ObjectCache } from './object-cache.ts';
export {
  parseOperatorConfiguration,
  readOperatorConfiguration,
  type ControllerConfiguration,
  type OperatorConfiguration,
} from './operator-config.ts';
export { ControllerRefManager, stillThere, type Claim } from './ownership.ts';
export { planWrites, type PlannedWrite } from './plan-writes.ts';
export {
  allOf,
  annotationsChanged,
  anyOf,
  deletionChanged,
  generationChanged,
  labelsChanged,
  not,
  type Predicate,
} from './predicates.ts';
export {
  BucketRateLimiter,
  defaultRateLimiter,
  ExponentialRateLimiter,
  LongestRateLimiter,
  type RateLimiter,
} from './rate-limiter.ts';
export { rbacManifests, rbacRules, type RbacOptions } from './rbac.ts';
export { createOperator, runOperator, type Operator, type OperatorOptions, type RunningOperator } from './run-operator.ts';
export { slowStartBatch, type BatchResult } from './slow-start-batch.ts';
export {
  everyMs,
  fromInformer,
  fromObservable,
  keyText,
  namespacedName,
  ownedBy,
  type Enqueue,
  type NamespacedName,
  type Source,
} from './source.ts';
export { StatusServer, type Check, type MetricsText, type StatusServerOptions } from './status-server.ts';
export { CONTROLLER, INFORMERS } from './tokens.ts';
export { tracedTransport } from './tracing.ts';
export { WriteFence } from './write-fence.ts';
export { LOW_PRIORITY, WorkQueue, type AddOptions } from './work-queue.ts';
