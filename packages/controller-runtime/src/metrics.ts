import { Counter, Gauge, Histogram, type Metric, type Registry } from 'prom-client';

/** What a work queue tells of itself. Times are of a monotonic clock, in milliseconds. */
export interface WorkQueueMetrics {
  depth(count: number): void;
  added(key: string, nowMs: number): void;
  taken(key: string, nowMs: number): void;
  done(key: string, nowMs: number): void;
  retried(): void;
}

export type ReconcileOutcome = 'success' | 'error' | 'requeue' | 'requeue_after';

/** What a controller tells of itself. */
export interface ControllerMetrics {
  readonly queue: WorkQueueMetrics;
  started(): void;
  /** `outcome` undefined: the reconciler was cut off because the controller stops. */
  finished(outcome: ReconcileOutcome | undefined, durationMs: number): void;
  terminalError(): void;
  timedOut(): void;
}

/** Bounds of upstream's work queue histograms: 10 ns to 1,000 s. */
const QUEUE_BUCKETS = Array.from({ length: 12 }, (_, power) => Number(`1e${power - 8}`));
const RECONCILE_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

interface Description {
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly string[];
}

/** Controllers of one process share a registry: who comes second finds the metric there. */
function shared<M extends Metric>(registry: Registry, description: Description, make: () => M): M {
  const known = registry.getSingleMetric(description.name);
  return known === undefined ? make() : (known as M);
}

function gauge(registry: Registry, description: Description): Gauge {
  return shared(registry, description, () => new Gauge({ ...description, registers: [registry] }));
}

function counter(registry: Registry, description: Description): Counter {
  return shared(registry, description, () => new Counter({ ...description, registers: [registry] }));
}

function histogram(registry: Registry, description: Description, buckets: number[]): Histogram {
  return shared(registry, description, () => new Histogram({ ...description, buckets, registers: [registry] }));
}

/** The `workqueue_*` metrics under their upstream names. */
export function workQueueMetrics(registry: Registry, name: string): WorkQueueMetrics {
  const labelNames = ['name'];
  const depth = gauge(registry, { name: 'workqueue_depth', help: 'Items that wait', labelNames });
  const adds = counter(registry, { name: 'workqueue_adds_total', help: 'Items that were added', labelNames });
  const retries = counter(registry, { name: 'workqueue_retries_total', help: 'Items that were added again', labelNames });
  const waits = histogram(
    registry,
    { name: 'workqueue_queue_duration_seconds', help: 'How long items waited', labelNames },
    QUEUE_BUCKETS,
  );
  const works = histogram(
    registry,
    { name: 'workqueue_work_duration_seconds', help: 'How long items were worked on', labelNames },
    QUEUE_BUCKETS,
  );
  const addedMs = new Map<string, number>();
  const takenMs = new Map<string, number>();
  return {
    depth: (count) => depth.set({ name }, count),
    retried: () => retries.inc({ name }),
    added: (key, nowMs) => {
      adds.inc({ name });
      addedMs.set(key, nowMs);
    },
    taken: (key, nowMs) => {
      waits.observe({ name }, (nowMs - (addedMs.get(key) ?? nowMs)) / 1000);
      addedMs.delete(key);
      takenMs.set(key, nowMs);
    },
    done: (key, nowMs) => {
      works.observe({ name }, (nowMs - (takenMs.get(key) ?? nowMs)) / 1000);
      takenMs.delete(key);
    },
  };
}

/** The `controller_runtime_*` metrics under their upstream names, and those of the controller's queue. */
export function controllerMetrics(registry: Registry, controller: string, concurrency: number): ControllerMetrics {
  const labelNames = ['controller'];
  const count = (name: string, help: string): Counter => counter(registry, { name, help, labelNames });
  const measure = (name: string, help: string): Gauge => gauge(registry, { name, help, labelNames });
  const total = counter(registry, {
    name: 'controller_runtime_reconcile_total',
    help: 'Reconciliations, by result',
    labelNames: ['controller', 'result'],
  });
  const errors = count('controller_runtime_reconcile_errors_total', 'Reconciliations that failed');
  const terminal = count('controller_runtime_terminal_reconcile_errors_total', 'Reconciliations that are not tried again');
  const timeouts = count('controller_runtime_reconcile_timeouts_total', 'Reconciliations that took too long');
  const active = measure('controller_runtime_active_workers', 'Reconciliations that run now');
  const seconds = histogram(
    registry,
    { name: 'controller_runtime_reconcile_time_seconds', help: 'How long reconciliations took', labelNames },
    RECONCILE_BUCKETS,
  );
  measure('controller_runtime_max_concurrent_reconciles', 'Reconciliations that may run at once').set(
    { controller },
    concurrency,
  );
  return {
    queue: workQueueMetrics(registry, controller),
    started: () => active.inc({ controller }),
    finished: (result, durationMs) => {
      active.dec({ controller });
      seconds.observe({ controller }, durationMs / 1000);
      if (result) total.inc({ controller, result });
      if (result === 'error') errors.inc({ controller });
    },
    terminalError: () => terminal.inc({ controller }),
    timedOut: () => timeouts.inc({ controller }),
  };
}

/** `leader_election_master_status`: 1 while this process leads. */
export function leaderGauge(registry: Registry, name: string): (leads: boolean) => void {
  const status = gauge(registry, {
    name: 'leader_election_master_status',
    help: 'Whether this process is the leader',
    labelNames: ['name'],
  });
  return (leads) => status.set({ name }, leads ? 1 : 0);
}
